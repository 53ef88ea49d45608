"""``fpgacompress verify RUN_DIR``: compare executors of a run's student bit for bit."""

from __future__ import annotations

import argparse

from ..errors import DataError
from .output import add_json, print_json

EXECUTORS = ("keras", "integer", "hls")


def add_parser(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("verify", help="compare executors of a trained student bit for bit")
    parser.add_argument("run_dir", help="folder of a finished run")
    parser.add_argument("--against", default="keras,integer,hls", help="comma-separated executors (default: keras,integer,hls)")
    parser.add_argument("--samples", type=int, default=1000, help="random inputs over the whole input type (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random inputs")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    chosen = [name.strip() for name in args.against.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in EXECUTORS]
    if unknown or not chosen:
        raise DataError(f"--against {args.against!r}", expected=f"one or more of {', '.join(EXECUTORS)}")
    if args.samples < 1:
        raise DataError(f"--samples {args.samples}", expected="at least 1")
    if args.seed < 0:
        raise DataError(f"--seed {args.seed}", expected="0 or more")
    import numpy as np

    from ..firmware.verify import HlsExecutor, IntegerExecutor, KerasExecutor, verify
    from ..pipeline import open_run

    done = open_run(args.run_dir)
    network = done.network
    kind = network.input.out
    stored = np.random.default_rng(args.seed).integers(kind.low, kind.high + 1, (args.samples, *network.input.shape))
    executors: dict[str, object] = {}
    if "keras" in chosen:
        executors["keras"] = KerasExecutor(done.student, network)
    if "integer" in chosen:
        executors["integer"] = IntegerExecutor(network)
    if "hls" in chosen:
        executors["hls"] = HlsExecutor(done.firmware)
    report = verify(network, stored, executors)
    if args.json:
        print_json(report.to_json())
    else:
        print(
            f"{report.samples} random inputs, {report.outputs} outputs each, {', '.join(report.executors)}: {report.differing_bits} differing bits"
        )
        if report.first_difference:
            print(f"first difference: {report.first_difference}")
    return 0 if report.exact else 1
