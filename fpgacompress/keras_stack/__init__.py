"""The one room that knows the versions of TensorFlow, tf_keras, QKeras and tfmot, and the way round their defects.

QKeras 0.9 and tensorflow-model-optimization are Keras 2 libraries, so TensorFlow must be told to use ``tf_keras`` before it is
imported for the first time. Everything that trains goes through :func:`load`; nothing else imports these libraries.

``stack`` imports them, ``files`` reads and writes models, ``graph`` rewrites them (no wrappers, logits at the end, float64).
"""

from .files import load_model, save_model, training_config
from .graph import Prepared, does_nothing, float64, prepared, replaced, through, unwrapped
from .stack import custom_objects, load, load_tfmot, seed_everything, versions

__all__ = [
    "Prepared",
    "custom_objects",
    "does_nothing",
    "float64",
    "load",
    "load_model",
    "load_tfmot",
    "prepared",
    "replaced",
    "save_model",
    "seed_everything",
    "through",
    "training_config",
    "unwrapped",
    "versions",
]
