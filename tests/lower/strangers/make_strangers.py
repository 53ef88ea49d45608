"""Writes the model files of this folder with an older stack (README.md says which); run it inside that stack, never inside ours.

    python make_strangers.py FOLDER

Each model gets random weights with a fixed seed and, beside it, ``<file>.npz`` with 64 inputs ``x`` on the grid of 1/256, what this stack
predicts for them, ``y``, and, where the softmax or sigmoid is a layer of its own, what that layer reads, ``logits``. SavedModel folders are
packed as ``.tar.gz``.
"""

import os
import shutil
import sys
import tarfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import qkeras
import tensorflow as tf
import tensorflow_model_optimization as tfmot
from tensorflow import keras
from tensorflow.keras import layers as L

Q = {"kernel_quantizer": "quantized_bits(6,0,alpha=1)", "bias_quantizer": "quantized_bits(6,1,alpha=1)"}


def scatter(model, seed):
    """Random weights, wide enough to saturate some activations."""
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    return model


def mlp(end, name, quantizers=Q):
    """12-8-4 with activations as strings."""
    layers = [L.Input((12,), name="x"), qkeras.QDense(8, name="fc1", **quantizers), qkeras.QActivation("quantized_relu(6,2)", name="relu1")]
    return keras.Sequential([*layers, *end], name=name)


def mlp_objects():
    """Functional, quantizers given as objects, softmax as a layer of its own, Dropout inside."""
    q = {"kernel_quantizer": qkeras.quantized_bits(5, 1, alpha=1), "bias_quantizer": qkeras.quantized_bits(6, 2, alpha=1)}
    x = i = L.Input((12,), name="x")
    x = qkeras.QDense(8, name="fc1", **q)(x)
    x = qkeras.QActivation(qkeras.quantized_relu(5, 2), name="relu1")(x)
    x = L.Dropout(0.3, name="drop")(x)
    x = qkeras.QDense(4, name="fc2", **q)(x)
    return keras.Model(i, L.Activation("softmax", name="probabilities")(x), name="mlp_objects")


def mlp_softmax_inside():
    """Softmax inside the last dense layer, compiled with from_logits=True all the same."""
    model = mlp([L.Dense(4, activation="softmax", name="fc2")], "mlp_softmax_inside")
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    return model


def mlp_qdense_softmax():
    """Softmax inside the last QDense, as a function: QDense takes strings for quantizers, and has no 'softmax' among them."""
    return mlp([qkeras.QDense(4, activation=tf.nn.softmax, name="fc2", **Q)], "mlp_qdense_softmax")


def mlp_binary():
    """One output with a sigmoid."""
    return mlp([qkeras.QDense(1, name="fc2", **Q), L.Activation("sigmoid", name="probability")], "mlp_binary")


def mlp_auto():
    """alpha left out: None, which QKeras reads as auto_po2."""
    q = {"kernel_quantizer": "quantized_bits(6,0)", "bias_quantizer": "quantized_bits(6,1)"}
    return mlp([qkeras.QDense(4, name="fc2", **q)], "mlp_auto", q)


def cnn():
    """Convolution, pooling, quantizer on the input, softmax layer."""
    layers = [
        L.Input((8, 8, 1), name="image"),
        qkeras.QActivation("quantized_bits(9,0,alpha=1)", name="input_q"),
        qkeras.QConv2D(3, 3, name="conv1", **Q),
        qkeras.QActivation(qkeras.quantized_relu(6, 2), name="relu1"),
        L.MaxPooling2D(2, name="pool"),
        L.Flatten(name="flat"),
        L.Dropout(0.5, name="drop"),
        qkeras.QDense(4, name="fc", **Q),
        L.Softmax(name="probabilities"),
    ]
    return keras.Sequential(layers, name="cnn")


def mlp_pruned():
    """Pruning wrappers still on; half of each mask is zero, and the weights behind the mask are not."""
    prune = tfmot.sparsity.keras.prune_low_magnitude
    schedule = {"pruning_schedule": tfmot.sparsity.keras.ConstantSparsity(0.5, begin_step=0, frequency=1)}
    layers = [
        L.Input((12,), name="x"),
        prune(qkeras.QDense(8, name="fc1", **Q), **schedule),
        qkeras.QActivation("quantized_relu(6,2)", name="relu1"),
        prune(qkeras.QDense(4, name="fc2", **Q), **schedule),
        L.Activation("softmax", name="probabilities"),
    ]
    model = scatter(keras.Sequential(layers, name="mlp_pruned"), 7)
    rng = np.random.default_rng(8)
    for layer in model.layers:
        for _, mask, _ in getattr(layer, "pruning_vars", []):
            mask.assign(rng.permutation(np.arange(np.prod(mask.shape)) % 2).reshape(mask.shape).astype("float32"))
    return model


FILES = {
    "mlp_objects.h5": mlp_objects,
    "mlp_objects.keras": mlp_objects,
    "mlp_objects_savedmodel": mlp_objects,
    "mlp_softmax_inside.h5": mlp_softmax_inside,
    "mlp_qdense_softmax.h5": mlp_qdense_softmax,
    "mlp_qdense_softmax.keras": mlp_qdense_softmax,
    "mlp_binary.keras": mlp_binary,
    "mlp_auto.h5": mlp_auto,
    "mlp_pruned.h5": mlp_pruned,
    "mlp_pruned.keras": mlp_pruned,
    "mlp_pruned_savedmodel": mlp_pruned,
    "cnn.h5": cnn,
    "cnn.keras": cnn,
    "cnn_savedmodel": cnn,
}


def save(model, folder, name, seed):
    """Save first and run afterwards, so that masks are not applied to the saved weights yet."""
    path = os.path.join(folder, name)
    model.save(path)
    if os.path.isdir(path):
        with tarfile.open(path + ".tar.gz", "w:gz") as archive:
            archive.add(path, name)
        shutil.rmtree(path)
    x = np.random.default_rng(seed).integers(0, 256, (64, *model.input_shape[1:])).astype("float32") / 256
    last = model.layers[-1]
    arrays = {"x": x, "y": model.predict(x, verbose=0)}
    if not last.weights and type(last).__name__ in ("Activation", "Softmax"):
        arrays["logits"] = keras.Model(model.inputs, last.input).predict(x, verbose=0)
    np.savez_compressed(path + ".npz", **arrays)
    print(name, "by tensorflow", tf.__version__)


def odd(folder):
    """A TFLite file of the smallest model here."""
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Sequential([L.Input((3,)), L.Dense(2)]))
    with open(os.path.join(folder, "dense.tflite"), "wb") as file:
        file.write(converter.convert())


def main(folder):
    """Every file of this folder but those of ``make_odd.py``, which needs other libraries."""
    odd(folder)
    for index, (name, make) in enumerate(FILES.items()):
        keras.backend.clear_session()
        model = make() if make is mlp_pruned else scatter(make(), index)
        save(model, folder, name, 100 + index)


if __name__ == "__main__":
    main(sys.argv[1])
