"""Structured pruning with real surgery: neurons, channels and residual blocks are taken out, and a smaller model of the same kind is left."""

from __future__ import annotations

from .blocks import blocks_of, without_block
from .channels import Channels, channels_of
from .choice import chosen
from .scores import SCORES
from .surgery import shrunk

__all__ = ["SCORES", "Channels", "blocks_of", "channels_of", "chosen", "shrunk", "without_block"]
