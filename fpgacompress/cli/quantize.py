"""``fpgacompress quantize MODEL --data SOURCE``: a trained float model in fewer bits, without training."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .options import add_data_dir, add_set
from .output import add_json, print_json

METHODS = ("ptq", "dynamic", "full-integer")
PRESETS = ("int8", "int4", "w4a6", "ternary", "binary", "first-and-last-8")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser(
        "quantize",
        help="a trained float model in fewer bits, without training",
        description="Post-training quantization of a float Keras model: ranges from calibration samples, optionally equalisation and bias correction; "
        "accuracy before and after, layer by layer errors, the integer network.",
        epilog="ptq: weights and activations in fixed point. full-integer: the input, too. dynamic: weights only (smaller file, no firmware). "
        "Exit status: 0 done, 2 the input is wrong.",
    )
    parser.add_argument("model", help="float Keras file (.h5, .keras, SavedModel)")
    parser.add_argument("--data", required=True, help="data set by name, or your own .npz, .csv or image folder with labels")
    parser.add_argument("--method", choices=METHODS, default="ptq", help="what is quantized (default ptq)")
    parser.add_argument("--preset", choices=PRESETS, default="int8", help="bits to start from (default int8)")
    add_set(parser, "a field of the recipe section quantize, such as default.bias=12")
    parser.add_argument(
        "--ranges", choices=("max", "mse", "percentile"), help="how ranges are fitted (default: weights max, activations mse)"
    )
    parser.add_argument("--equalize", action="store_true", help="balance the ranges of neighbouring layers first")
    parser.add_argument("--bias-correction", action="store_true", help="take the mean error back in the biases")
    parser.add_argument("--tflite", metavar="FILE", help="write TFLite files, too, and compare the interpreter's answers")
    add_data_dir(parser)
    parser.add_argument(
        "--out", required=True, metavar="FOLDER", help="folder for student.h5, student.npz, preprocessing.json, quantize.json"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Quantize, measure, write and print."""
    from ..pipeline.quantize_model import quantize_model, section_of

    section = section_of(
        args.method, args.preset, args.set, ranges=args.ranges, equalize=args.equalize, bias_correction=args.bias_correction
    )
    done = quantize_model(args.model, args.data, method=args.method, section=section, tflite=args.tflite, data_dir=args.data_dir)
    files = done.save(args.out)
    if args.json:
        print_json(done.to_json() | {"files": [str(path) for path in files]})
        return 0
    sys.stdout.write(done.text())
    print(f"\nwrote {', '.join(str(path) for path in files)}")
    if done.result.network is not None:
        print(
            f"next: fpgacompress verify {args.out} --data {args.data}\n      fpgacompress estimate {Path(args.out) / 'student.npz'} --board pynq-z2"
        )
    return 0
