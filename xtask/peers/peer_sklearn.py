"""scikit-learn: its MLPClassifier without a hidden layer, whose Adam is that of the tutorial.

It starts with weights of its own (Glorot's), as it has no setting for others.
"""

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

import common


def main():
    (x, y), validation, test = common.load()
    model = MLPClassifier(
        hidden_layer_sizes=(),
        solver="adam",
        alpha=0.0,
        batch_size=common.BATCH,
        learning_rate_init=common.RATE,
        beta_1=common.BETA1,
        beta_2=common.BETA2,
        epsilon=common.EPSILON,
        random_state=0,
    )
    classes = np.arange(common.CLASSES)
    clock = common.Clock()
    for _ in range(common.EPOCHS):
        with clock.epoch():
            model.partial_fit(x, y, classes=classes)
        model.score(*validation)
    common.finish("sklearn", sklearn.__version__, clock, model.score(*test))


main()
