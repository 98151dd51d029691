"""Writes tests/reference/resize_keras.json: what Keras 2 (TensorFlow 2.14) makes of one image of augment.json with `RandomWidth` and `RandomHeight`
of factors that give these sizes, `tf.image.resize` in the width first, then in the height.

    python3 tests/scripts/resize_keras.py tests/reference          (needs tensorflow==2.14.0, numpy<2)
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

SIZES = [(32, 25), (25, 38), (38, 32), (31, 27)]  # height, width


def resized(image, height, width):
    """The layers with a factor range of one value, as the example has them."""
    across = layers.RandomWidth((width / 32 - 1 + 0.01, width / 32 - 1 + 0.011), interpolation="bilinear")
    down = layers.RandomHeight((height / 32 - 1 + 0.01, height / 32 - 1 + 0.011), interpolation="bilinear")
    found = down(across(image[None], training=True), training=True)[0].numpy()
    assert found.shape == (height, width, 3), found.shape
    return found


def main(folder):
    image = np.array(json.loads((Path(folder) / "augment.json").read_text())["images"][0], np.float32).reshape(32, 32, 3)
    cases = [
        {"height": h, "width": w, "pixels": [round(float(v), 4) for v in resized(tf.constant(image), h, w).ravel()]}
        for h, w in SIZES
    ]
    doc = "Keras' RandomWidth, then RandomHeight (TensorFlow 2.14, bilinear) on images[0] of augment.json; pixels [height, width, 3], grey levels"
    (Path(folder) / "resize_keras.json").write_text(json.dumps({"doc": doc, "cases": cases}))


if __name__ == "__main__":
    main(sys.argv[1])
