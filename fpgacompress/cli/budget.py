"""``fpgacompress budget``: response time of a whole system against a class of real time and a device, energy and battery life."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from ..errors import HardwareError
from .estimate import VERDICTS, read_network, simplified
from .output import add_json, print_json

if TYPE_CHECKING:
    from ..figures import Figure
    from ..hardware.board import Board
    from ..hardware.estimate import Estimate
    from ..hardware.system import System, Verdict

CLASSES = ("trigger", "hard", "soft")
BATTERY = ("battery_mah", "volts", "per_second", "sleep")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser(
        "budget",
        help="response time of a whole system against its limits, energy and battery life",
        description="Adds preprocessing, transfer, inference and postprocessing. Times are 150us or 5-20ms (ns, us, ms, s).",
    )
    parser.add_argument("model", nargs="?", help="integer network (.npz), folder of a run, or Keras file; not needed with --inference")
    parser.add_argument("--board", help="board name or TOML file; its estimate gives the inference, its published power the energy")
    parser.add_argument("--clock-ns", type=float, default=None, help="clock period of the estimate in ns (default: the board's usual one)")
    parser.add_argument(
        "--io", default="parallel", choices=("parallel", "stream"), help="hls4ml io type of the estimate (default parallel)"
    )
    parser.add_argument(
        "--backend", default="Vitis", choices=("Vitis", "Vivado", "VivadoAccelerator"), help="hls4ml back end (default Vitis)"
    )
    parser.add_argument(
        "--as-is", action="store_true", help="keep neurons that are constant or unread whatever the input (left out by default)"
    )
    parser.add_argument("--calibration", help="calibration file of your own (fpgacompress calibrate --output FILE)")
    parser.add_argument("--preprocess", metavar="TIME", help="time of preprocessing")
    parser.add_argument("--transfer", metavar="TIME", help="time to bring a sample in and its result out")
    parser.add_argument("--bandwidth", metavar="RATE", help="instead of --transfer: for example 25MB/s or 115200bit/s")
    parser.add_argument(
        "--transfer-bytes", metavar="SIZE", help="with --bandwidth: bytes moved, 784B or 1kB (default: input and output of MODEL)"
    )
    parser.add_argument("--inference", metavar="TIME", help="time of inference; an estimate of MODEL on the board when left out")
    parser.add_argument("--postprocess", metavar="TIME", help="time of postprocessing")
    parser.add_argument(
        "--class", dest="wanted", choices=CLASSES, help="limit: trigger (under 1 us), hard (10 ms) or soft (100 ms) real time"
    )
    parser.add_argument("--profile", help="limits of a device: wearable, mobile, point-of-care, or a TOML file of your own")
    parser.add_argument(
        "--watts", metavar="POWER", help="power of the working board that you measured, 1.8 or 1.5-2.2 (default: the published one)"
    )
    parser.add_argument(
        "--back-to-back", action="store_true", help="energy over the initiation interval: inferences without a pause between"
    )
    parser.add_argument("--battery-mah", type=float, help="battery life: capacity in mAh (with --volts, --per-second and --sleep)")
    parser.add_argument("--volts", type=float, help="battery life: voltage of the battery")
    parser.add_argument("--per-second", type=float, help="battery life: samples per second")
    parser.add_argument("--sleep", metavar="POWER", help="battery life: power of the sleeping board, for example 20mW")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Add up, judge and print; 0 when every limit asked for holds and the design fits, 1 when not, or where that cannot be judged."""
    from ..hardware.calibration import load_calibration, using

    with using(load_calibration(args.calibration)):
        return _judged(args)


def _judged(args: argparse.Namespace) -> int:
    from ..hardware.board import load_board
    from ..hardware.profiles import check_profile, load_profile
    from ..hardware.system import CLASS_NAMES
    from ..hardware.system import CLASSES as LIMITS

    _check(args)
    profile = load_profile(args.profile) if args.profile else None
    board = load_board(args.board) if args.board else None
    network = simplified(read_network(args.model), args.as_is) if args.model else None
    told = _estimate(args, network, board) if network is not None and board is not None and not args.inference else None
    system = _system(args, network, told)
    limits = [system.verdict(LIMITS[args.wanted], CLASS_NAMES[args.wanted])] if args.wanted else []
    if profile:
        limits += check_profile(profile, network, system.total)
    fits = (
        {"board": board.key or board.name, "fits": told.fits, "reason": told.fits_reason}
        if told is not None and board is not None
        else None
    )
    best = system.best()
    found: dict[str, Any] = {
        "stages": system.stages,
        "total": system.total,
        "dominant": system.dominant,
        "best_class": best,
        "classes": {name: system.verdict(limit, CLASS_NAMES[name]).to_json() for name, limit in LIMITS.items()},
        "class": args.wanted,
        "profile": args.profile,
        "limits": [limit.to_json() for limit in limits],
        "fit": fits,
        "holds": all(limit.holds for limit in limits) and (fits is None or fits["fits"] is True),
        "advice": _advice(system, args.wanted, profile),
        "sizes": _sizes(network),
        "energy": _energy(args, system, told, board),
        "battery": _battery(args, system, board),
        "energy_index": _index(args, network),
        "notes": _notes(system, profile),
    }
    if args.json:
        print_json(found)
    else:
        sys.stdout.write(_text(system, limits, found))
    return 0 if found["holds"] else 1


def _check(args: argparse.Namespace) -> None:
    """Refuse options that do not go together."""
    if not args.inference and not (args.model and args.board):
        raise HardwareError("the time of inference is missing", expected="MODEL --board NAME for an estimate, or --inference 9us")
    if args.clock_ns is not None and not 0.5 <= args.clock_ns <= 1000:
        raise HardwareError(f"--clock-ns {args.clock_ns:g}", expected="0.5 to 1000 ns")
    if args.transfer and args.bandwidth:
        raise HardwareError("--transfer and --bandwidth", expected="one of them")
    if args.transfer_bytes and not args.bandwidth:
        raise HardwareError("--transfer-bytes without --bandwidth", expected="a bandwidth, for example 25MB/s")
    if args.bandwidth and not (args.transfer_bytes or args.model):
        raise HardwareError("--bandwidth without a size", expected="--transfer-bytes 784B, or a MODEL whose input and output are moved")
    if args.back_to_back and args.inference:
        raise HardwareError("--back-to-back with --inference", expected="an estimate of MODEL, whose initiation interval is known")
    given = [name for name in BATTERY if getattr(args, name) is not None]
    if given and len(given) < len(BATTERY):
        missing = ", ".join(f"--{name.replace('_', '-')}" for name in BATTERY if name not in given)
        raise HardwareError(f"battery life without {missing}", expected="--battery-mah, --volts, --per-second and --sleep together")


def _estimate(args: argparse.Namespace, network: Any, board: Board) -> Estimate:
    from ..hardware.estimate import estimate

    board.require_hls()
    return estimate(network, board=board, clock_ns=args.clock_ns, io=args.io, backend=args.backend)


def _system(args: argparse.Namespace, network: Any, told: Estimate | None) -> System:
    from ..hardware.system import System, parse_time

    stages = {
        name: parse_time(text, f"--{name}")
        for name in ("preprocess", "transfer", "inference", "postprocess")
        if (text := getattr(args, name))
    }
    if told is not None:
        stages["inference"] = told.total["latency_us"]
    if args.bandwidth:
        stages["transfer"] = _transfer(args, network)
    return System(stages)


def _transfer(args: argparse.Namespace, network: Any) -> Figure:
    """Time of the transfer from the bandwidth and the bytes given, or those of the network's input and output."""
    import math

    from ..hardware.system import RATES, SIZES, parse_quantity, transfer_time

    if args.transfer_bytes:
        size = parse_quantity(args.transfer_bytes, SIZES | {"": 1.0}, "bytes", "--transfer-bytes", "784B or 1kB")
        if size.low is not None:
            raise HardwareError(f"--transfer-bytes is '{args.transfer_bytes}'", expected="one number; give --transfer an interval of times")
        moved = float(size.value or 0)
    else:
        moved = sum(math.prod(node.shape) * -(-node.out.width // 8) for node in (network.input, network.output))
    return transfer_time(moved, parse_quantity(args.bandwidth, RATES, "bytes/s", "--bandwidth", "25MB/s or 115200bit/s"))


def _sizes(network: Any) -> dict[str, Figure] | None:
    """Bytes of the weights and of the memory for activations; None without a model."""
    from ..hardware.profiles import ram_bytes
    from ..metrics.cost import model_bytes

    return None if network is None else {"model_bytes": model_bytes(network), "ram_bytes": ram_bytes(network)}


def _index(args: argparse.Namespace, network: Any) -> dict[str, Any] | None:
    """Index of the operations' energy; None without a model."""
    from ..hardware.energy import energy_index
    from ..hardware.facts import network_facts

    return None if network is None else energy_index(network_facts(network, f"io_{args.io}"))


def _power(args: argparse.Namespace, board: Board | None) -> Figure:
    """What the user gives, else what is published for the board."""
    from ..figures import unavailable
    from ..hardware.energy import board_power, given_power
    from ..hardware.system import parse_watts

    if args.watts:
        return given_power(parse_watts(args.watts, "--watts"))
    return board_power(board) if board is not None else unavailable("neither --watts nor a board is given", "W")


def _energy(args: argparse.Namespace, system: System, told: Estimate | None, board: Board | None) -> Figure:
    from ..hardware.energy import energy, inference_energy

    if told is not None:
        return inference_energy(told, _power(args, board), args.back_to_back)
    return energy(_power(args, board), system.stages["inference"])


def _battery(args: argparse.Namespace, system: System, board: Board | None) -> Figure | None:
    """Battery life with the board awake for the whole response; None when it is not asked for."""
    from ..hardware.energy import battery_life
    from ..hardware.system import parse_watts

    if args.battery_mah is None:
        return None
    sleep = parse_watts(args.sleep, "--sleep")
    power = _power(args, board)
    return battery_life(args.battery_mah, args.volts, active=power, sleep=sleep, busy_us=system.total, per_second=args.per_second)


def _advice(system: System, wanted: str | None, profile: Any) -> str | None:
    """What inference may take under the strictest limit of time that is asked for."""
    from ..hardware.system import CLASSES as LIMITS

    limits = [LIMITS[wanted]] if wanted else []
    if profile and profile.response_us:
        limits.append(profile.response_us)
    return system.advice(min(limits)) if limits else None


def _notes(system: System, profile: Any) -> list[str]:
    from ..hardware.system import STAGES

    left_out = [name for name in STAGES if name not in system.stages]
    notes = [f"taken as no time, since not given: {', '.join(left_out)}"] if left_out else []
    if profile:
        notes.append(
            f"limits of {profile.name}: {profile.source}" + (f"; also asked, not judged here: {profile.notes}" if profile.notes else "")
        )
    return notes


def _text(system: System, limits: list[Verdict], found: dict[str, Any]) -> str:
    """The answer as plain text."""
    from ..hardware.energy import energy_text
    from ..hardware.profiles import size_text
    from ..hardware.system import CLASS_NAMES, time_text

    lines = []
    for name, figure in (*system.stages.items(), ("total", system.total)):
        source = ", ".join(s for s in (figure.provenance, figure.stage) if s) if name != "total" else ""
        share = f"{100 * system.share(name):5.1f} %" if name != "total" and system.total.available else ""
        lines.append(f"{name:12} {_spelled(figure, time_text):34} {share:8} {source}".rstrip())
    if system.dominant:
        lines.append(f"{system.dominant} dominates with {100 * system.share(system.dominant):.0f} % of the worst case")
    best = found["best_class"]
    lines.append(f"strictest class that holds: {CLASS_NAMES[best] if best else 'none'}")
    lines += [f"{'ok' if limit.holds else '?' if limit.holds is None else 'NO':3} {limit.text}" for limit in limits]
    if found["fit"]:
        fits = found["fit"]
        lines.append(f"{'ok' if fits['fits'] else '?' if fits['fits'] is None else 'NO':3} {VERDICTS[fits['fits']]}: {fits['reason']}")
    if found["advice"]:
        lines.append(found["advice"])
    if found["sizes"]:
        sizes = (size_text(figure.value) for figure in found["sizes"].values())
        lines.append("model {}, memory for activations {}".format(*sizes))
    lines.append(f"energy of an inference: {_spelled(found['energy'], energy_text)}{_source(found['energy'])}")
    if found["battery"] is not None:
        lines.append(f"battery lasts: {_spelled(found['battery'], lambda hours: f'{hours:.4g} h')}{_source(found['battery'])}")
    if found["energy_index"]:
        index = found["energy_index"]["index"]
        value = f"{index.value:.3g} of the same network in 16 bits" if index.available else f"n/a ({index.reason})"
        lines.append(f"energy of its operations: {value}{_source(index)}")
    return "\n".join([*lines, *(f"note: {note}" for note in found["notes"])]) + "\n"


def _spelled(figure: Figure, spell: Any) -> str:
    """A figure with its interval, or why there is none."""
    if not figure.available:
        return f"n/a ({figure.reason})"
    if figure.low is None or figure.low == figure.high:
        return spell(figure.value)
    return f"{spell(figure.value)} ({spell(figure.low)} to {spell(figure.high)})"


def _source(figure: Figure) -> str:
    return f", {figure.provenance}" if figure.available else ""
