"""``fpgacompress board infer | selftest | simulate``: a network on a board, through its serial port."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..errors import DataError, HardwareError
from .options import add_data_dir
from .output import add_json, print_json

SAMPLES = 64
"""Real samples among the test vectors."""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser(
        "board",
        help="samples through a board's serial port, self-test, and a simulated board",
        description="Talks to a board that holds a bitstream of 'fpgacompress rtl ... --uart'. Needs neither TensorFlow nor the training run.",
        epilog="Every action takes --json. Exit status of selftest: 0 all bits agree, 1 bits differ, 2 the board or the input is wrong.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="infer | selftest | simulate")
    infer = _action(actions, "infer", "send samples, print their classes and logits")
    samples = infer.add_mutually_exclusive_group(required=True)
    samples.add_argument("--input", help="raw samples: .npz, .npy or .csv; the model's preprocessing is applied")
    samples.add_argument(
        "--test-samples", type=int, metavar="N", help="the first N samples of the run's test split, or of those in the project"
    )
    _line(infer)
    add_data_dir(infer)
    selftest = _action(actions, "selftest", "send the stored test vectors and compare every bit")
    _line(selftest)
    _action(actions, "simulate", "run the board's Verilog in Verilator and print the pseudo-terminal to use as --port; ends with Ctrl-C")


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text, description=text)
    parser.add_argument("project", metavar="RUN_OR_PROJECT", help="folder of the Verilog project, or of the run that it was made from")
    add_json(parser)
    return parser


def _line(parser: argparse.ArgumentParser) -> None:
    """Options of what talks to a board."""
    parser.add_argument("--port", required=True, help="serial port of the board, such as /dev/ttyUSB1")
    parser.add_argument("--baud", type=int, default=None, help="bits per second (default: what the design was made for)")
    parser.add_argument("--tries", type=int, default=3, help="tries for each sample before it is given up (default 3)")
    parser.add_argument(
        "--timeout", type=float, default=2.0, help="seconds to wait for an answer, besides its time on the line (default 2)"
    )


def run(args: argparse.Namespace) -> int:
    """Do it; 1 when a self-test finds a bit that differs."""
    return {"infer": _infer, "selftest": _selftest, "simulate": _simulate}[args.action](args)


def _find(path: str) -> Any:
    """The design of a project, or the newest one that was made from a run.

    Raises:
        HardwareError: there is none, or the run has changed since.
    """
    from ..firmware.bench.files import FOLDER, NAME, NETWORK, REMAKE, read_bench
    from ..firmware.rtl import module_name
    from ..integer import simplify, store
    from ..integer.store import network_hash
    from .estimate import find_network

    folder = Path(path)
    if not (folder / "figures.json").is_file():
        return read_bench(folder)
    network = simplify(store.load(find_network(folder))).network
    places = [Path("rtl") / module_name(network.name) / FOLDER / NAME, *folder.rglob(f"{FOLDER}/{NAME}")]
    found = sorted((place for place in places if place.is_file()), key=lambda place: place.stat().st_mtime)
    for place in reversed(found):
        if network_hash(store.load(place.with_name(NETWORK))) == network_hash(network):
            return read_bench(place.parent)
    where = f"only of another network: {found[-1].parent}" if found else f"in it or in {places[0].parents[1]}"
    raise HardwareError(f"the run '{folder}' has no design for the bench, {where}", do=f"{REMAKE}; or name its folder")


def belongings(path: str, data_dir: str | None = None) -> dict[str, Any]:
    """What a run, or the folder of a published model, knows besides its network, as arguments of
    :func:`fpgacompress.firmware.bench.make.prepare`: preprocessing, names of the classes, some validation samples.

    Args:
        path: run folder, model folder, or the network's file, beside which the preprocessing may be.
        data_dir: folder searched first for the run's data; without its data there are no samples, which is told on standard error.
    """
    from ..data.preprocessing import FILE_NAME, Preprocessing

    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    if not (folder / "figures.json").is_file():
        return {"preprocessing": Preprocessing.load(folder)} if (folder / FILE_NAME).is_file() else {}
    from ..pipeline.training import read_data
    from ..recipe import load_recipe
    from ..run import read_json

    figures = read_json(folder / "figures.json")
    lowered = folder / "artifacts" / Path(figures["artifacts"]["lower"]).name
    known = {"preprocessing": Preprocessing.load(lowered), "classes": figures["data"]["classes"]}
    try:
        validation = read_data(load_recipe(folder / "recipe.yaml"), data_dir).validation
    except DataError as error:
        _say(f"no real samples among the test vectors: {error}")
        return known
    return known | {"samples": validation.x[:SAMPLES], "labels": validation.y[:SAMPLES]}


def _driver(args: argparse.Namespace, bench: Any, link: Any) -> Any:
    """A driver whose board holds the design."""
    from ..firmware.bench.driver import Driver

    driver = Driver(link, bench, tries=args.tries, timeout=args.timeout, say=_say)
    driver.connect()
    return driver


def _open(args: argparse.Namespace, bench: Any) -> Any:
    from ..firmware.bench.link import SerialPort

    for option, value in (("--tries", args.tries), ("--timeout", args.timeout), ("--baud", args.baud or 1)):
        if not value > 0:
            raise DataError(f"{option} {value:g}", expected="more than 0")
    return SerialPort(args.port, args.baud or bench.baud)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _told(args: argparse.Namespace, bench: Any) -> dict[str, Any]:
    """What both actions tell."""
    return {"port": args.port, "network": bench.network, "design": f"{bench.identity.design:08x}"}


def _infer(args: argparse.Namespace) -> int:
    from ..firmware.bench.session import infer
    from ..metrics.task import predictions

    bench = _find(args.project)
    payloads, labels = _samples(args, bench)
    with _open(args, bench) as link:
        driver = _driver(args, bench, link)
        answers = infer(driver, payloads)
    classes = predictions(answers.logits)
    told = _told(args, bench) | {
        "samples": len(payloads),
        "classes": classes.tolist(),
        "class_names": [bench.classes[number] for number in classes] if bench.classes else None,
        "logits": answers.logits.tolist(),
        "stored": answers.stored.reshape(len(payloads), -1).tolist(),
        "labels": None if labels is None else labels.tolist(),
        "right": None if labels is None else int((classes == labels).sum()),
        "seconds": round(answers.seconds, 3),
        "failures": driver.failures,
    }
    if args.json:
        print_json(told)
    else:
        sys.stdout.write(_infer_text(told))
    return 0


def _samples(args: argparse.Namespace, bench: Any) -> tuple[Any, Any]:
    """Payloads, and class numbers where they are known."""
    from ..data.samples import read_samples
    from ..firmware.bench.session import stored_inputs

    if args.input is not None:
        found = read_samples(args.input, bench.layout.inputs.shape, split="test")
        return bench.layout.inputs.pack(stored_inputs(bench, found.x)), found.y
    count = args.test_samples
    if count < 1:
        raise DataError(f"--test-samples {count}", expected="at least 1")
    if (Path(args.project) / "figures.json").is_file():
        from ..pipeline.training import read_data
        from ..recipe import load_recipe

        test = read_data(load_recipe(Path(args.project) / "recipe.yaml"), args.data_dir).read_test("board")
        _check_count(count, len(test))
        return bench.layout.inputs.pack(stored_inputs(bench, test.x[:count])), test.y[:count]
    vectors = bench.vectors()
    _check_count(count, vectors.samples)
    first = len(vectors) - vectors.samples
    return vectors.inputs[first : first + count], vectors.labels[:count] if len(vectors.labels) else None


def _check_count(count: int, there: int) -> None:
    if count > there:
        raise DataError(f"--test-samples {count}, of which there are {there}", expected=f"at most {there}", do="give samples with --input")


def _infer_text(told: dict[str, Any]) -> str:
    names = told["class_names"] or [""] * told["samples"]
    width = max(len(name) for name in names)
    lines = [f"board at {told['port']}: network '{told['network']}', design {told['design']}", f"sample  class {' ' * width} logits"]
    for number, (answer, name, logits) in enumerate(zip(told["classes"], names, told["logits"])):
        lines.append(f"{number:6}  {answer:5} {name:{width}} {'  '.join(f'{value:g}' for value in logits)}")
    right = "" if told["right"] is None else f", {told['right']} of them as labelled"
    lines.append(f"{told['samples']:,} samples in {told['seconds']:.3g} s, the line included{right}")
    return "\n".join(lines + _repeated(told)) + "\n"


def _repeated(told: dict[str, Any]) -> list[str]:
    failures = told["failures"]
    return [f"{len(failures)} tries went wrong and were repeated: {'; '.join(dict.fromkeys(failures))}"] if failures else []


def _selftest(args: argparse.Namespace) -> int:
    from ..firmware.bench.session import selftest

    bench = _find(args.project)
    vectors = bench.vectors()
    with _open(args, bench) as link:
        driver = _driver(args, bench, link)
        told = _told(args, bench) | selftest(driver, vectors) | {"failures": driver.failures}
    if args.json:
        print_json(told)
    else:
        wrong = (
            f"{told['differing_bits']:,} bits DIFFER, in {told['differing_vectors']:,} vectors"
            if told["differing_bits"]
            else "every bit is equal"
        )
        lines = [
            f"board at {told['port']}: network '{told['network']}', design {told['design']}",
            f"{wrong}: {told['vectors']:,} vectors, {told['bits']:,} bits of output, {told['seconds']:.3g} s",
        ]
        if first := told["first_difference"]:
            lines.append(f"first: vector {first['vector']}, output {first['output']}: expected {first['expected']}, got {first['got']}")
        print("\n".join(lines + _repeated(told)))
    return 1 if told["differing_bits"] else 0


def _simulate(args: argparse.Namespace) -> int:
    from ..firmware.bench.simulated import SimulatedBoard

    bench = _find(args.project)
    _say("compiling the board's Verilog with Verilator")
    with SimulatedBoard(bench) as board:
        if args.json:
            print_json({"port": board.port, "network": bench.network, "design": f"{bench.identity.design:08x}"})
        else:
            print(
                f"{board.port}: a simulated board with network '{bench.network}'. Try: fpgacompress board selftest --port {board.port} {args.project}"
            )
        sys.stdout.flush()
        try:
            board.wait()
        except KeyboardInterrupt:
            return 0
    return 1
