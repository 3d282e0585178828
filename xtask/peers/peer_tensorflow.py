"""TensorFlow in graph mode, written after the tutorial: its placeholders, its session, its way to
shuffle, its reports. The test is on all images, the tutorial's on the first 1,000."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow.compat.v1 as tf

import common
from common import BATCH, CLASSES, FEATURES

REPORT_EVERY = 100
SUBSET = 1_000


def main():
    tf.disable_v2_behavior()
    tf.set_random_seed(0)
    random = np.random.default_rng(0)
    one_hot = np.eye(CLASSES, dtype=np.float32)
    (x_train, y_train), (x_valid, y_valid), (x_test, y_test) = common.load()
    y_train, y_valid, y_test = one_hot[y_train], one_hot[y_valid], one_hot[y_test]

    x = tf.placeholder(tf.float32, [None, FEATURES])
    y = tf.placeholder(tf.float32, [None, CLASSES])
    normal = tf.truncated_normal_initializer(stddev=common.INIT_STD)
    w = tf.get_variable("W", [FEATURES, CLASSES], tf.float32, normal)
    b = tf.get_variable("b", initializer=tf.zeros([CLASSES]))
    logits = tf.matmul(x, w) + b
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
    adam = tf.train.AdamOptimizer(common.RATE, common.BETA1, common.BETA2, common.EPSILON)
    optimizer = adam.minimize(loss)
    right = tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1))
    accuracy = tf.reduce_mean(tf.cast(right, tf.float32))

    clock = common.Clock()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(common.EPOCHS):
            with clock.epoch():
                order = random.permutation(len(x_train))
                x_train, y_train = x_train[order], y_train[order]
                for step in range(len(x_train) // BATCH):
                    rows = slice(step * BATCH, (step + 1) * BATCH)
                    feed = {x: x_train[rows], y: y_train[rows]}
                    session.run(optimizer, feed_dict=feed)
                    if step % REPORT_EVERY == 0:
                        with clock.pause():
                            session.run([loss, accuracy], feed_dict=feed)
            feed = {x: x_valid[:SUBSET], y: y_valid[:SUBSET]}
            session.run([loss, accuracy], feed_dict=feed)
        test_accuracy = session.run(accuracy, feed_dict={x: x_test, y: y_test})
    common.finish("tensorflow", tf.__version__, clock, test_accuracy)


main()
