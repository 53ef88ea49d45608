"""The one bridge from training to hardware: reads a Keras/QKeras model, writes an integer network."""

from .model import lower

__all__ = ["lower"]
