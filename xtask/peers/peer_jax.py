"""JAX: an epoch is one compiled scan over its batches; the first one's time has the compiler in it."""

import jax
import jax.numpy as jnp
import numpy as np

import common
from common import BATCH, BETA1, BETA2


def loss(p, x, y):
    logits = x @ p["w"] + p["b"]
    chosen = jnp.take_along_axis(logits, y[:, None], axis=1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=1) - chosen)


def step(x, y, state, batch):
    p, m, v, t = state
    g = jax.grad(loss)(p, x[batch], y[batch])
    t = t + 1
    rate = common.RATE * jnp.sqrt(1 - BETA2**t) / (1 - BETA1**t)
    m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, g)
    v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, g)
    update = lambda p, m, v: p - rate * m / (jnp.sqrt(v) + common.EPSILON)
    return (jax.tree.map(update, p, m, v), m, v, t), None


@jax.jit
def epoch(state, x, y, key):
    order = jax.random.permutation(key, len(x)).reshape(-1, BATCH)
    return jax.lax.scan(lambda state, batch: step(x, y, state, batch), state, order)[0]


@jax.jit
def accuracy(p, x, y):
    return jnp.mean(jnp.argmax(x @ p["w"] + p["b"], axis=1) == y)


def main():
    sets = [(jnp.asarray(x), jnp.asarray(y)) for x, y in common.load()]
    (x, y), validation, test = sets
    shape = (common.FEATURES, common.CLASSES)
    start = common.truncated_normal(np.random.default_rng(0), shape)
    p = {"w": jnp.asarray(start), "b": jnp.zeros(common.CLASSES)}
    zeros = jax.tree.map(jnp.zeros_like, p)
    state = (p, zeros, zeros, jnp.float32(0))
    key = jax.random.key(0)
    clock = common.Clock()
    for _ in range(common.EPOCHS):
        key, own = jax.random.split(key)
        with clock.epoch():
            state = jax.block_until_ready(epoch(state, x, y, own))
        accuracy(state[0], *validation).block_until_ready()
    common.finish("jax", jax.__version__, clock, accuracy(state[0], *test))


main()
