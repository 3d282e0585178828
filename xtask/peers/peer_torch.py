"""PyTorch: autograd and its fused Adam, on one thread.

Its Adam adds epsilon after the correction of the second moment, TensorFlow 1's before it.
"""

import numpy as np
import torch

import common
from common import BATCH


def accuracy(x, y, w, b):
    with torch.no_grad():
        return (torch.argmax(torch.addmm(b, x, w), dim=1) == y).float().mean().item()


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sets = common.load()
    sets = [(torch.from_numpy(x), torch.from_numpy(y).long()) for x, y in sets]
    (x, y), validation, test = sets
    start = common.truncated_normal(np.random.default_rng(0), (common.FEATURES, common.CLASSES))
    w = torch.from_numpy(start).requires_grad_()
    b = torch.zeros(common.CLASSES, requires_grad=True)
    betas = (common.BETA1, common.BETA2)
    adam = torch.optim.Adam([w, b], lr=common.RATE, betas=betas, eps=common.EPSILON, fused=True)
    clock = common.Clock()
    for _ in range(common.EPOCHS):
        with clock.epoch():
            for batch in torch.randperm(len(x)).split(BATCH):
                adam.zero_grad(set_to_none=True)
                logits = torch.addmm(b, x[batch], w)
                torch.nn.functional.cross_entropy(logits, y[batch]).backward()
                adam.step()
        accuracy(*validation, w, b)
    common.finish("torch", torch.__version__, clock, accuracy(*test, w, b))


main()
