"""Profiles of devices: what a network may weigh, how much memory it may need and how quickly the device must answer."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import HardwareError
from ..figures import Figure
from ..integer.network import IntegerNetwork, Node
from ..metrics.cost import model_bytes
from ..registry import nearest
from .system import Verdict, ends, judge, time_text

RAM_RULE = (
    "the two largest sets of values that are kept between layers, each in its own width and filled up to whole bytes; sums that a "
    "quantizer reads at once are not kept, and flatten, reshape and shift keep what they read"
)
"""How memory for activations is counted: while a layer runs, what it reads and what it writes are alive."""

_SAME_MEMORY = ("flatten", "reshape", "shift")
_FUSED = ("quantize", "quantize_each", "threshold", "clip", "leaky_relu")


@dataclass(frozen=True)
class Profile:
    """Limits of a kind of device. Every figure must stay under its limit; None: no limit is given.

    Attributes:
        name: as on the command line.
        source: where the limits come from.
        model_bytes, ideal_bytes: size of the network, and what is better still.
        ram_bytes: memory for activations.
        response_us: response time of the whole system.
        weight_bits: largest width of a weight (this one is allowed).
        notes: further wishes that no figure of ours judges.
    """

    name: str
    source: str
    model_bytes: float | None = None
    ideal_bytes: float | None = None
    ram_bytes: float | None = None
    response_us: float | None = None
    weight_bits: int | None = None
    notes: str = ""


PROFILES = {
    p.name: p
    for p in (
        Profile("wearable", "course", 5e6, 1e6, response_us=100e3, weight_bits=8, notes="weights of 8 or 4 bits, one sample at a time"),
        Profile("mobile", "course", 50e6, 20e6, notes="the course gives phones no response time"),
        Profile("point-of-care", "course", response_us=30e6, notes="answer in 5 to 30 s, accuracy of 95 % and more, offline, private data"),
    )
}
"""Profiles with the limits of the course that this package follows; MB are 10**6 bytes. It names no limit of RAM."""

_NUMBERS = ("model_bytes", "ideal_bytes", "ram_bytes", "response_us", "weight_bits")
_TEXTS = ("name", "source", "notes")


def load_profile(name: str) -> Profile:
    """A profile by name, or from a user's own TOML file with fields of :class:`Profile`.

    Raises:
        HardwareError: no such profile, or a wrong file.
    """
    if name in PROFILES:
        return PROFILES[name]
    if name.endswith(".toml"):
        return _read(Path(name))
    raise HardwareError(
        f"there is no profile '{name}'",
        expected=f"{nearest(name.lower(), PROFILES)}one of {', '.join(PROFILES)}",
        do="for a device of your own, write a TOML file with name, source and limits, and give its path",
    )


def _read(path: Path) -> Profile:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise HardwareError(f"profile {path} cannot be read ({error})", expected="a TOML file") from None
    for name, value in table.items():
        if name not in _NUMBERS + _TEXTS:
            raise HardwareError(
                f"{path}: '{name}' is not a field", expected=f"{nearest(name, _NUMBERS + _TEXTS)}one of {', '.join(_NUMBERS + _TEXTS)}"
            )
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf
        if not (number if name in _NUMBERS else isinstance(value, str)):
            raise HardwareError(f"{path}: field '{name}' is {value!r}", expected="a positive number" if name in _NUMBERS else "a text")
    if not table.get("source"):
        raise HardwareError(f"{path}: 'source' is missing", expected="where the limits come from")
    return Profile(**{"name": path.stem, **table})


def _kept(network: IntegerNetwork, node: Node) -> bool:
    readers = [other for other in network.nodes if node.name in other.inputs]
    return node.op not in _SAME_MEMORY and not (readers and all(other.op in _FUSED for other in readers) and node.op != "input")


def ram_bytes(network: IntegerNetwork) -> Figure:
    """Memory for activations by :data:`RAM_RULE`."""
    sizes = sorted((-(-math.prod(n.shape) * n.out.width // 8) for n in network.nodes if _kept(network, n)), reverse=True)
    return Figure(sum(sizes[:2]), "bytes", stage="counted", provenance=f"counted from the network: {RAM_RULE}")


def size_text(size: float) -> str:
    """Bytes with the unit in which they read well, decimal: "412 bytes", "5 MB"."""
    return f"{size:.0f} bytes" if size < 1e3 else f"{size / 1e3:.4g} kB" if size < 1e6 else f"{size / 1e6:.4g} MB"


def check_profile(profile: Profile, network: IntegerNetwork | None, response: Figure) -> list[Verdict]:
    """One verdict per limit of the profile, by upper ends.

    Args:
        network: what is stored on the device; without one, limits of size, memory and widths cannot be judged.
        response: response time of the whole system, us.
    """
    none = Figure(None, "bytes", reason="no model is given")
    checks = []
    if profile.model_bytes is not None:
        checks.append(_size(profile, model_bytes(network) if network else none))
    if profile.ram_bytes is not None:
        checks.append(judge("memory for activations", ram_bytes(network) if network else none, profile.ram_bytes, size_text))
    if profile.weight_bits is not None:
        checks.append(_widths(profile.weight_bits, network))
    if profile.response_us is not None:
        checks.append(judge("response time", response, profile.response_us, time_text))
    return checks


def _size(profile: Profile, size: Figure) -> Verdict:
    """Verdict on the model's size, with a word on the ideal where there is one."""
    assert profile.model_bytes is not None
    verdict = judge("model size", size, profile.model_bytes, size_text)
    if not verdict.holds or profile.ideal_bytes is None:
        return verdict
    better = ends(size)[1] < profile.ideal_bytes
    return replace(verdict, text=f"{verdict.text}, {'and' if better else 'but not'} under the ideal of {size_text(profile.ideal_bytes)}")


def _widths(limit: int, network: IntegerNetwork | None) -> Verdict:
    name = "width of weights"
    if network is None:
        return judge(name, Figure(None, "bits", reason="no model is given"), limit)
    bits = max((node.kernel.type.width for node in network.weighted if node.kernel is not None), default=0)
    figure, holds = Figure(bits, "bits", stage="counted", provenance="widest weight type of the network"), bits <= limit
    text = f"{name} {'holds' if holds else 'does not hold'}: {bits} bits, {limit} are allowed"
    return Verdict(name, figure, limit, holds, text)
