"""The one bridge from training to hardware: reads a Keras/QKeras model, writes an integer network."""

from .model import lower, results

__all__ = ["lower", "results"]
