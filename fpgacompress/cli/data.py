"""``fpgacompress data list | show NAME | fetch NAME``."""

from __future__ import annotations

import argparse
import json
from typing import Any


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add the command ``data`` to ``subparsers`` (what ``ArgumentParser.add_subparsers`` returns)."""
    parser = subparsers.add_parser(
        "data", help="list, show and fetch data sets", description="Data sets: what there is, where it is, what is in it."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="list | show | fetch")
    _action(actions, "list", "all sources, and where their files are")
    show = _action(actions, "show", "splits, class counts, preprocessing, licence and hashes of one source or of your own file")
    show.add_argument("name", help="source (see 'data list') or path to an .npz or .csv file or a folder of images")
    show.add_argument("--validation", type=float, default=0.1, help="fraction or number of validation samples (default 0.1)")
    show.add_argument("--seed", type=int, default=0, help="seed of the validation split (default 0)")
    fetch = _action(actions, "fetch", "find the files of a source or download them, and compare checksums")
    fetch.add_argument("name", help="source (see 'data list')")
    parser.set_defaults(run=run)
    return parser


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text, description=text)
    parser.add_argument("--data-dir", help="folder searched first, and where downloads go")
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; 0 when done.

    Raises:
        DataError: what was asked for is not there or not sound (exit status 2 of the command line).
    """
    answer, text = {"list": _list, "show": _show, "fetch": _fetch}[args.action](args)
    print(json.dumps(answer) if args.json else text)
    return 0


def _list(args: argparse.Namespace) -> tuple[dict[str, Any], str]:
    from ..data import sources
    from ..data.files import find_any
    from ..data.loading import search_folders

    rows, own = [], []
    for name in sources.names():
        source = sources.get(name)
        if source.by_path:
            own.append({"name": name, "title": source.title, "input": source.input, "options": source.options})
            continue
        found = find_any(source.alternatives, args.data_dir)
        train, validation, test = source.sizes_of(found or ())
        place = str(next(iter(found.values())).path.parent) if found else None
        sizes = {"train": train, "validation": validation, "test": test}
        rows.append({"name": name, "title": source.title, "found": place, **sizes, "input": source.input, "licence": source.licence})
    folders = [str(folder) for folder in search_folders(args.data_dir)]
    lines = [f"{'name':15} {'train':>7} {'val':>5} {'test':>7}  {'licence':40} where"]
    for row in rows:
        sizes = f"{row['train']:7} {row['validation'] or '-':>5} {row['test']:7}"
        lines.append(
            f"{row['name']:15} {sizes}  {row['licence'][:40]:40} {row['found'] or 'not here: fpgacompress data fetch ' + row['name']}"
        )
    lines += ["", "your own data:", *(f"  {row['title']}: {row['input']}" for row in own)]
    lines += ["", "folders searched:", *(f"  {folder}" for folder in folders)]
    return {"sources": rows, "own": own, "folders": folders}, "\n".join(lines)


def _show(args: argparse.Namespace) -> tuple[dict[str, Any], str]:
    from ..data.loading import COMMON_OPTIONS, load, resolve

    _, source, _ = resolve(args.name, args.data_dir)
    validation = int(args.validation) if args.validation >= 1 and args.validation == int(args.validation) else args.validation
    dataset = load(args.name, validation=validation, seed=args.seed, data_dir=args.data_dir)
    answer = {**dataset.to_json(), "title": source.title, "home": source.home, "options": {**source.options, **COMMON_OPTIONS}}
    shape = "x".join(map(str, dataset.input_shape))
    lines = [
        f"{dataset.name}: {source.title}",
        f"  input       {shape} {dataset.train.x.dtype}",
        f"  classes     {', '.join(dataset.classes)}",
    ]
    for key in ("train", "validation"):
        counts = " ".join(map(str, answer[key]["class_counts"][:20]))
        lines.append(f"  {key:11} {answer[key]['samples']} ({counts}{' ...' if len(dataset.classes) > 20 else ''})")
    lines.append("  test        is read by the step evaluate only")
    p = dataset.preprocessing
    scale, offset = (f"{v:g}" if isinstance(v, float) else f"one of {len(v)} numbers" for v in (p.scale, p.offset))
    lines.append(f"  input type  {p.input_type} of clip(raw * {scale} + {offset}, {p.clip[0]:g}, {p.clip[1]:g})")
    lines += [f"  licence     {dataset.licence}", f"  cite        {dataset.citation or '-'}", f"  sha256      {dataset.sha256}"]
    lines += [f"  files       {dataset.source}", *(f"  note        {note}" for note in dataset.notes)]
    lines += [f"  option      {key}: {text}" for key, text in answer["options"].items()]
    return answer, "\n".join(lines)


def _fetch(args: argparse.Namespace) -> tuple[dict[str, Any], str]:
    from ..data.loading import fetch

    paths = [str(located.path) for located in fetch(args.name, args.data_dir).values()]
    return {"name": args.name, "files": paths}, "\n".join(paths)
