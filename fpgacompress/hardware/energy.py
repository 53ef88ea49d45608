"""Energy: of an inference from a board's power, of operations as an index by widths, and how long a battery lasts.

Nothing here is measured on a board. Power is what the vendor publishes or what the user measured and gives.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import HardwareError
from ..figures import Figure, unavailable
from .board import Board
from .facts import LayerFacts
from .system import ends

if TYPE_CHECKING:
    from .estimate import Estimate

PUBLISHED = "estimated from published board power"
GIVEN_POWER = "power given by the user"


def board_power(board: Board) -> Figure:
    """Power of the board while it works, W: the middle of idle and typical, with these as interval; typical alone where only that is
    published; unavailable where the vendor publishes none."""
    if board.typical_w is None:
        return unavailable(f"no typical power of {board.name} is published with a source we know; give your own", "W")
    source = f"{PUBLISHED} ({board.power_source})"
    if board.idle_w is None:
        return Figure(float(board.typical_w), "W", provenance=source)
    middle = (board.idle_w + board.typical_w) / 2
    return Figure(middle, "W", float(board.idle_w), float(board.typical_w), "idle to typical", provenance=source)


def given_power(power: Figure) -> Figure:
    """A power that the user gives (see :func:`.system.parse_watts`), with that provenance."""
    return replace(power, provenance=GIVEN_POWER)


def energy(power: Figure, time_us: Figure, over: str = "latency") -> Figure:
    """Energy of one inference, uJ: power times the time in which the board works on it.

    Args:
        power: W.
        time_us: us.
        over: which time that is, for the provenance: "latency", or "initiation interval" when inferences follow back to back.
    """
    for figure in (power, time_us):
        if not figure.available:
            return unavailable(str(figure.reason), "uJ")
    low, high = ends(power)[0] * ends(time_us)[0], ends(power)[1] * ends(time_us)[1]
    value = float(power.value) * float(time_us.value)  # type: ignore[arg-type]
    return Figure(
        value, "uJ", low, high, f"lower and upper ends of power and {over} multiplied", provenance=f"{power.provenance}, over the {over}"
    )


def inference_energy(told: Estimate, power: Figure | None = None, back_to_back: bool = False) -> Figure:
    """Energy of an inference from an estimate, uJ.

    Args:
        told: the estimate.
        power: W; the board's published power when left out.
        back_to_back: inferences follow each other as quickly as the design takes them; each then costs the power over one initiation
            interval, not over the whole latency.
    """
    power = board_power(told.board) if power is None else power
    if not back_to_back:
        return energy(power, told.total["latency_us"])
    return energy(power, interval_us(told), "initiation interval")


def interval_us(told: Estimate) -> Figure:
    """The initiation interval of an estimate in us."""
    ii, us = told.total["ii"], told.clock_ns / 1000
    if not ii.available:
        return unavailable(str(ii.reason), "us")
    low, high = ends(ii)
    return Figure(float(ii.value) * us, "us", low * us, high * us, ii.interval, ii.stage, ii.provenance)  # type: ignore[arg-type]


def energy_text(uj: float) -> str:
    """Energy with the unit in which it reads well: "9 uJ", "1.2 mJ"."""
    unit, factor = ("nJ", 1e3) if 0 < uj < 1 else ("uJ", 1.0) if uj < 1e3 else ("mJ", 1e-3) if uj < 1e6 else ("J", 1e-6)
    return f"{uj * factor:.4g} {unit}"


HOROWITZ = "M. Horowitz, Computing's Energy Problem, ISSCC 2014, 45 nm at 0.9 V"
ADD_PJ = {8: 0.03, 32: 0.1}
MULTIPLY_PJ = {8: 0.2, 32: 3.1}
"""Published energy of integer operations by width, pJ (:data:`HOROWITZ`)."""
MEMORY_PJ = 10 / 64
"""pJ per bit read: 10 pJ for 64 bits from a memory of 8 KB (:data:`HOROWITZ`)."""

_ADD = (ADD_PJ[32] - ADD_PJ[8]) / 24
_SQUARE = (MULTIPLY_PJ[32] - 4 * MULTIPLY_PJ[8]) / (32**2 - 4 * 8**2)
_LINE = (MULTIPLY_PJ[8] - 64 * _SQUARE) / 8

INDEX_RULE = (
    "additions grow linearly with the accumulator's width, products with the product of both widths and a small part with their mean, all "
    "through the published 8- and 32-bit values; memory counts each weight once and the inputs of every position. Weights that are "
    "zero are neither read nor multiplied nor added"
)
"""How widths scale the published energies (QTools' quadratic for products, written for two widths)."""


def add_pj(bits: float) -> float:
    """Energy of an integer addition, pJ."""
    return ADD_PJ[8] + _ADD * (bits - 8)


def multiply_pj(x_bits: float, w_bits: float) -> float:
    """Energy of an integer product of two widths, pJ."""
    return _SQUARE * x_bits * w_bits + _LINE * (x_bits + w_bits) / 2


def memory_pj(bits: float) -> float:
    """Energy of reading bits from a small memory, pJ."""
    return MEMORY_PJ * bits


@dataclass(frozen=True)
class OperationEnergy:
    """Index of one layer, pJ of the table for an inference; not what the FPGA takes.

    Attributes:
        multiply, add, memory: parts.
        reference: the same layer with inputs and weights of 16 bits, same zeros.
    """

    multiply: float
    add: float
    memory: float
    reference: float = 0.0

    @property
    def total(self) -> float:
        """All parts, pJ."""
        return self.multiply + self.add + self.memory

    @property
    def index(self) -> float:
        """Relative to 16 bits; 1 for a layer in which nothing is computed."""
        return self.total / self.reference if self.reference else 1.0


def _parts(facts: LayerFacts) -> OperationEnergy:
    return OperationEnergy(
        multiply=facts.positions * facts.nonzeros * multiply_pj(facts.x_bits, facts.w_bits),
        add=facts.positions * facts.additions * add_pj(facts.acc_bits),
        memory=memory_pj(facts.nonzeros * facts.w_bits + facts.positions * facts.n_in * facts.x_bits),
    )


def layer_energy(facts: LayerFacts) -> OperationEnergy:
    """Index of a layer by :data:`INDEX_RULE`; in the reference the accumulator is wider by as many bits as the products are."""
    wider = facts.acc_bits + (16 - facts.x_bits) + (16 - facts.w_bits)
    reference = _parts(replace(facts, x_bits=16, w_bits=16, acc_bits=max(wider, 1)))
    return replace(_parts(facts), reference=reference.total)


def energy_index(layers: Mapping[str, LayerFacts]) -> dict[str, Any]:
    """Index of a network: "index" (figure, relative to the same network in 16 bits), "layers" (plain rows), "rule", "source".

    Args:
        layers: facts by layer name (:func:`.facts.network_facts`).
    """
    found = {name: layer_energy(facts) for name, facts in layers.items()}
    total, reference = sum(e.total for e in found.values()), sum(e.reference for e in found.values())
    rows = [
        {
            "name": n,
            "multiply_pj": e.multiply,
            "add_pj": e.add,
            "memory_pj": e.memory,
            "share": e.total / total if total else 0.0,
            "index": e.index,
        }
        for n, e in found.items()
    ]
    index = (
        Figure(
            total / reference,
            "of 16 bits",
            stage="counted",
            provenance=f"operation energies of {HOROWITZ}, scaled by width; not the board's",
        )
        if reference
        else unavailable("the network has no operations with weights", "of 16 bits")
    )
    return {"index": index, "layers": rows, "rule": INDEX_RULE, "source": HOROWITZ}


def battery_life(capacity_mah: float, volts: float, *, active: Figure, sleep: Figure, busy_us: Figure, per_second: float) -> Figure:
    """Hours that a battery lasts when the board works on each sample and sleeps between them.

    Mean power is ``duty * active + (1 - duty) * sleep`` with ``duty = busy time * samples per second``; the interval takes all ends of the
    three figures together. Losses of the converter, ageing and self-discharge are not in it.

    Args:
        capacity_mah, volts: of the battery, both above 0.
        active, sleep: W.
        busy_us: time per sample in which the board is awake, us.
        per_second: samples per second, 0 or more.

    Raises:
        HardwareError: a number out of range, or more samples than the board can do.
    """
    for name, value, lowest in (
        ("capacity in mAh", capacity_mah, 0.0),
        ("voltage in V", volts, 0.0),
        ("samples per second", per_second, None),
    ):
        if not (0 <= value < float("inf")) or value == lowest:
            raise HardwareError(f"{name}: {value:g}", expected="at least 0" if lowest is None else "a number above 0")
    for figure in (active, sleep, busy_us):
        if not figure.available:
            return unavailable(str(figure.reason), "hours")
    duty = per_second * float(busy_us.value) / 1e6  # type: ignore[arg-type]
    if duty > 1:
        raise HardwareError(
            f"{per_second:g} samples per second of {busy_us.value:g} us each are {duty:.3g} of the time",
            expected=f"at most {1e6 / float(busy_us.value):.6g} samples per second",  # type: ignore[arg-type]
        )
    powers = [
        min(per_second * busy / 1e6, 1.0) * awake + (1 - min(per_second * busy / 1e6, 1.0)) * asleep
        for busy, awake, asleep in itertools.product(ends(busy_us), ends(active), ends(sleep))
    ]
    mean = duty * float(active.value) + (1 - duty) * float(sleep.value)  # type: ignore[arg-type]
    if min(powers) <= 0:
        return unavailable("at the lower end nothing draws power: no work and no power asleep", "hours")
    watt_hours = capacity_mah / 1000 * volts
    source = f"{active.provenance}; {capacity_mah:g} mAh at {volts:g} V, awake {100 * duty:.3g} % of the time, without losses"
    return Figure(
        watt_hours / mean, "hours", watt_hours / max(powers), watt_hours / min(powers), "all ends of power and time", provenance=source
    )
