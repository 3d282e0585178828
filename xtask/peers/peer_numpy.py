"""NumPy by hand: the gradient written out, every array made once and written in place."""

import numpy as np

import common
from common import BATCH, BETA1, BETA2, CLASSES, FEATURES


def accuracy(x, y, w, b):
    return np.mean(np.argmax(x @ w + b, axis=1) == y)


def main():
    (x, y), validation, test = common.load()
    random = np.random.default_rng(0)
    n_weights = FEATURES * CLASSES
    # Weights and biases in one array, so that each of Adam's operations is one call.
    p, g, m, v, step, root = (np.zeros(n_weights + CLASSES, np.float32) for _ in range(6))
    w, b = p[:n_weights].reshape(FEATURES, CLASSES), p[n_weights:]
    gw, gb = g[:n_weights].reshape(FEATURES, CLASSES), g[n_weights:]
    w[:] = common.truncated_normal(random, w.shape)
    rows, z = np.empty((BATCH, FEATURES), np.float32), np.empty((BATCH, CLASSES), np.float32)
    each = np.arange(BATCH)
    power1 = power2 = 1.0
    clock = common.Clock()
    for _ in range(common.EPOCHS):
        with clock.epoch():
            order = random.permutation(len(x))
            for start in range(0, len(x), BATCH):
                batch = order[start : start + BATCH]
                # With "raise" it would write to a buffer first.
                np.take(x, batch, axis=0, out=rows, mode="clip")
                np.dot(rows, w, out=z)
                z += b
                z -= z.max(axis=1, keepdims=True)
                np.exp(z, out=z)
                z /= z.sum(axis=1, keepdims=True)
                z[each, y[batch]] -= 1
                z *= 1 / BATCH
                np.dot(rows.T, z, out=gw)
                z.sum(axis=0, out=gb)

                power1 *= BETA1
                power2 *= BETA2
                rate = common.RATE * (1 - power2) ** 0.5 / (1 - power1)
                m *= BETA1
                np.multiply(g, 1 - BETA1, out=step)
                m += step
                g *= g
                v *= BETA2
                g *= 1 - BETA2
                v += g
                np.sqrt(v, out=root)
                root += common.EPSILON
                np.divide(m, root, out=step)
                step *= rate
                p -= step
        accuracy(*validation, w, b)
    common.finish("numpy", np.__version__, clock, accuracy(*test, w, b))


main()
