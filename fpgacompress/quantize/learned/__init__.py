"""Learned bits: fractional bits of weights and activations trained by gradient against a hardware cost (HGQ, arXiv 2405.00645).

``twin`` gives a QKeras student quantizers that learn, and takes them off again; ``cost`` is the differentiable cost. The training that leaves a
whole front of students is :mod:`fpgacompress.train.front`.
"""

from .cost import Ebops
from .twin import fixed_twin, freeze, learned_twin

__all__ = ["Ebops", "fixed_twin", "freeze", "learned_twin"]
