"""One training step of the Keras example in Keras, as its program has it: augmentation layers in the encoder, batch 265.
Prints seconds a step and images a second.

    python3 benches/peers/keras_step.py PHASE [STEPS]          (needs tensorflow)

PHASE: `pretrain`, `train` or `classify` (the classifier on a frozen encoder).
"""

import os
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# On by default on some processors only; without it a training step takes eight times as long on others.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

BATCH, TEMPERATURE, CLASSES = 265, 0.05, 10


class Clock(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seconds, self.begun = [], 0.0

    def on_train_batch_begin(self, batch, logs=None):
        self.begun = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.seconds.append(time.perf_counter() - self.begun)


def npairs(labels, features):
    features = tf.math.l2_normalize(features, axis=1)
    logits = tf.matmul(features, features, transpose_b=True) / TEMPERATURE
    labels = tf.reshape(labels, [-1, 1])
    same = tf.cast(tf.equal(labels, tf.transpose(labels)), tf.float32)
    targets = same / tf.reduce_sum(same, 1, keepdims=True)
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def main(phase, steps):
    images = np.random.default_rng(0).integers(0, 256, (BATCH * (steps + 3), 32, 32, 3)).astype("float32")
    labels = np.random.default_rng(1).integers(0, CLASSES, len(images))
    normalize = layers.Normalization()
    normalize.adapt(images)
    inputs = keras.Input((32, 32, 3))
    augmented = layers.RandomRotation(0.02)(layers.RandomFlip("horizontal")(normalize(inputs)))
    resnet = keras.applications.ResNet50V2(include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg")
    encoder = keras.Model(inputs, resnet(augmented))
    features = encoder(inputs)
    if phase == "pretrain":
        outputs, loss = layers.Dense(128, activation="relu")(features), npairs
    else:
        encoder.trainable = phase == "train"
        hidden = layers.Dense(512, activation="relu")(layers.Dropout(0.5)(features))
        outputs, loss = layers.Dense(CLASSES, activation="softmax")(layers.Dropout(0.5)(hidden)), "sparse_categorical_crossentropy"
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    clock = Clock()
    model.fit(images, labels, batch_size=BATCH, epochs=1, verbose=0, callbacks=[clock])
    median = statistics.median(clock.seconds[3:])
    print(f"Keras {keras.__version__} {phase}: {median:.3f} s a step, {BATCH / median:.0f} images/s")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7)
