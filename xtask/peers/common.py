"""What the peers share: the tutorial's settings, the images and their split, the start, the clock,
and the one line that a peer prints.

A peer is called with the folder of the four MNIST files, raw or .gz. It trains the tutorial's ten
epochs and prints one JSON object: its name and version, the seconds of each epoch's training alone
(shuffle and steps; no validation, no reports), and the accuracy on all test images.
"""

import contextlib
import gzip
import json
import os
import sys
import time

import numpy as np

EPOCHS = 10
BATCH = 100
RATE = 0.001
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
INIT_STD = 0.01
VALIDATION = 5_000
FEATURES = 784
CLASSES = 10
COUNTS = {"train": 60_000, "t10k": 10_000}


def read_idx(folder, stem, offset):
    """The bytes of an IDX file after its header."""
    for name in (stem, stem.replace("-idx", ".idx")):
        for ending, opened in (("", open), (".gz", gzip.open)):
            path = os.path.join(folder, name + ending)
            if os.path.exists(path):
                with opened(path, "rb") as file:
                    return np.frombuffer(file.read(), np.uint8, offset=offset)
    sys.exit(f"{stem} is not there")


def read_set(folder, which):
    """Images [n x 784] as f32 in 0..=1, and labels."""
    images = read_idx(folder, f"{which}-images-idx3-ubyte", 16).reshape(-1, FEATURES)
    labels = read_idx(folder, f"{which}-labels-idx1-ubyte", 8).astype(np.int32)
    if len(images) != COUNTS[which] or len(labels) != COUNTS[which]:
        sys.exit(f"{which}: {len(images)} images and {len(labels)} labels, not {COUNTS[which]}")
    return images.astype(np.float32) / np.float32(255), labels


def load():
    """Training, validation and test set; validation is the first of the training file."""
    x, y = read_set(sys.argv[1], "train")
    test = read_set(sys.argv[1], "t10k")
    return (x[VALIDATION:], y[VALIDATION:]), (x[:VALIDATION], y[:VALIDATION]), test


def truncated_normal(random, shape):
    """Normal numbers, redrawn outside two standard deviations."""
    drawn = random.standard_normal(shape)
    while (outside := np.abs(drawn) > 2).any():
        drawn[outside] = random.standard_normal(np.count_nonzero(outside))
    return (INIT_STD * drawn).astype(np.float32)


class Clock:
    """The seconds of each epoch, less those of reports."""

    def __init__(self):
        self.seconds = []

    @contextlib.contextmanager
    def epoch(self):
        """Adds the time of the block as a new epoch."""
        started = time.perf_counter()
        self.paused = 0.0
        yield
        self.seconds.append(time.perf_counter() - started - self.paused)

    @contextlib.contextmanager
    def pause(self):
        """Leaves the time of the block, inside an epoch, out."""
        started = time.perf_counter()
        yield
        self.paused += time.perf_counter() - started


def finish(peer, version, clock, test_accuracy):
    """Prints the line."""
    line = {"peer": peer, "version": version, "seconds": clock.seconds}
    print(json.dumps(line | {"test_accuracy": float(test_accuracy)}))
