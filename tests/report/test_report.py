"""The report comes out whole, self-contained, escaped and honest, from complete, partial and broken results."""

import argparse
import copy
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from fpgacompress.cli import report as command
from fpgacompress.errors import RunError
from fpgacompress.figures import Figure, figures_to_json, unavailable
from fpgacompress.report import hardware, tables
from fpgacompress.report import results as reading
from fpgacompress.report.canvas import spread
from fpgacompress.report.numbers import explain, full_text, number, provenance_kind, short_count
from fpgacompress.report.page import build_page
from fpgacompress.report.plots import PLOTS, draw_all
from fpgacompress.report.plots_layers import type_bits
from fpgacompress.report.verdicts import verdicts
from fpgacompress.report.write import write_figures, write_report

from .sample import sample_results


@pytest.fixture(scope="module")
def sample():
    return sample_results()


@pytest.fixture(scope="module")
def written(sample, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return write_report(sample, folder), folder


class Reader(HTMLParser):
    """Checks nesting and collects tables (list of rows of (text, stages)), links, tags and the visible text."""

    VOID = {"meta", "img", "br", "link", "input", "hr"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tables, self.links, self.tags, self.text, self.titles = [], [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.links += [attrs[k] for k in ("src", "href", "action", "data") if k in attrs]
        self.titles += [attrs["title"]] if "title" in attrs else []
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append(["", set()])
        if attrs.get("data-stage"):
            if "td" in self.open or "th" in self.open:
                self.tables[-1][-1][-1][1].add(attrs["data-stage"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            return
        self.text.append(data)
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1][0] += data


def test_writes_everything(written):
    paths, folder = written
    assert {p.name for p in folder.iterdir()} == {"figures.json", "tables.txt", "report.html", "plots"}
    assert set(paths["plots"]) == set(PLOTS)
    for plot in paths["plots"].values():
        content = plot.read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n" and 10_000 < len(content) < 400_000
    assert (folder / "report.html").stat().st_size < 3_000_000


def test_page_asks_the_network_for_nothing(written):
    page = (written[1] / "report.html").read_text()
    reader = Reader(page)
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in reader.links)
    assert not {"script", "link", "iframe", "object"} & set(reader.tags)
    assert "@import" not in page and "url(" not in page
    assert reader.tags.count("img") == len(PLOTS)
    anchors = {link[1:] for link in reader.links if link.startswith("#")}
    assert all(f'id="{a}"' in page for a in anchors)


def test_every_figure_is_on_the_page_with_its_source(sample, written):
    reader = Reader((written[1] / "report.html").read_text())
    text = "".join(reader.text)
    cells = {cell[0] for table in reader.tables for row in table for cell in row}
    figures = reading.all_figures(reading.normal(sample))
    assert len(figures) > 80
    for path, figure in figures:
        assert path in cells
        assert (repr(figure.value) if figure.available else figure.reason) in cells
        if figure.available:
            assert figure.provenance in text
    assert any("stage csynth" in t and "calibrated on published" in t for t in reader.titles)


def test_no_column_mixes_stages(sample, written):
    reader = Reader((written[1] / "report.html").read_text())
    seen = set()
    for table in reader.tables:
        for column in range(max(len(row) for row in table)):
            stages = set().union(*(row[column][1] for row in table if column < len(row)))
            assert len(stages) <= 1, (table[0], column, stages)
            seen |= stages
    assert {"csynth", "post-synth", "trained", "counted"} <= seen
    columns = hardware.by_stage(sample["estimate"])
    assert list(columns) == ["csynth", "post-synth"]
    for stage, cells in columns.items():
        for cell in cells.values():
            assert cell.amount.stage in (stage, None) and (cell.share is None or cell.share.stage == stage)
    assert len(tables.hardware_tables(sample)) == 2


def test_share_of_a_later_stage_comes_from_the_boards_capacity(sample):
    cell = hardware.by_stage(sample["estimate"])["post-synth"]["lut"]
    assert cell.share.value == pytest.approx(8963 / 53200, rel=1e-3)
    assert cell.share.low < cell.share.value < cell.share.high
    estimate = {"total": {"lut": Figure(50, "LUT", stage="routed")}, "utilisation": {}, "capacity": {"lut": 100}}
    assert hardware.by_stage(estimate)["routed"]["lut"].share.value == 0.5
    estimate = {"total": {"lut": Figure(50, "LUT", stage="csynth")}, "utilisation": {"lut": Figure(25, "%", stage="csynth")}}
    assert hardware.by_stage(estimate)["csynth"]["lut"].share.value == 0.25


def test_unavailable_is_never_a_number(sample):
    broken = copy.deepcopy(sample)
    for model in broken["models"].values():
        for key, value in model.items():
            if isinstance(value, Figure):
                model[key] = unavailable("told not to measure")
    broken["estimate"]["total"] = {k: unavailable("no estimator") for k in broken["estimate"]["total"]}
    broken["estimate"]["utilisation"] = {}
    reader = Reader(build_page(broken))
    rows = next(t for t in reader.tables if t[0][1][0] == "accuracy")[1:]
    assert len(rows) == 5 and all(cell[0] == "n/a" for row in rows for cell in row[1:])
    assert "told not to measure" in "".join(reader.text)
    rows = [line.split() for line in tables.markdown_models(broken).splitlines()[2:]]
    assert all(row.count("n/a") == 10 for row in rows)
    text = tables.plain_text(broken)
    assert "n/a: told not to measure" in text and "n/a: no estimator" in text


def test_everything_is_escaped():
    evil = "<script>alert(1)</script>\"'&"
    page = build_page(
        {
            "title": evil,
            "name": evil,
            "warnings": [evil],
            "recipe_yaml": evil,
            "data": {"name": evil, "citation": evil, evil: evil},
            "models": {
                evil: {
                    "label": evil,
                    "description": evil,
                    "accuracy": Figure(0.5, evil, provenance=evil),
                    "auc": unavailable(evil),
                    "layers": [{"name": evil, "kind": evil, "kernel_type": evil}],
                }
            },
            "comparisons": [{"a": evil, "b": evil, "text": evil}],
            "environment": {"versions": {evil: evil}},
            "estimate": {"reason": evil},
            "verify": {"samples": 3, "differing_bits": 1, "executors": [evil], "first_difference": {"layer": evil}},
            "firmware": {"files": [evil]},
        }
    )
    assert "<script" not in page and "script" not in Reader(page).tags and "&lt;script&gt;" in page


def test_rich_markup_in_names_is_text():
    text = tables.plain_text(
        {"title": "[bold]x[/bold]", "models": {"student": {"label": "[red]me[/]:smile:", "accuracy": Figure(0.5, "fraction")}}}
    )
    assert "[bold]x[/bold]" in text and "[red]me[/]:smile:" in text


def parts():
    return [
        "models",
        "data",
        "recipe",
        "recipe_yaml",
        "environment",
        "comparisons",
        "verify",
        "estimate",
        "firmware",
        "weights",
        "seconds",
        "ablation",
        "warnings",
    ]


@pytest.mark.parametrize("missing", parts())
def test_any_part_may_be_missing_or_null(sample, missing):
    for value in ("absent", None):
        some = dict(sample)
        some.pop(missing) if value == "absent" else some.__setitem__(missing, None)
        Reader(build_page(some))
        assert tables.plain_text(some)


def test_empty_results_still_make_a_report(tmp_path):
    paths = write_report({}, tmp_path)
    assert paths["plots"] == {}
    text = paths["tables"].read_text()
    assert "not verified" in text and "no model was evaluated" in text and "n/a" in text
    assert "not verified" in paths["report"].read_text()


def test_odd_models_still_draw(tmp_path):
    odd = {
        "models": {
            "student": {
                "accuracy": 0.5,
                "model_bytes": 10,
                "confusion": [[3, 0], [1, 2]],
                "history": [{"accuracy": 0.4}],
                "layers": [
                    {"name": "a", "weights": 4},
                    {"name": "b", "weights": 0},
                    {"name": "c", "weights": Figure(8, "weights"), "nonzeros": 2, "bits": 3},
                ],
            },
            "mine": {"label": "x", "accuracy": 0.6, "model_bytes": 10, "confusion": np.array([[3, 0], [1, 2]])},
        },
        "weights": {
            "student": {
                "a": {"values": [0], "counts": [4]},
                "b": {"values": [], "counts": []},
                "c": {"values": [-1, 1], "counts": [1, 2], "lsb": 0.3},
            }
        },
    }
    assert set(draw_all(reading.normal(odd), tmp_path)) == set(PLOTS) - {"utilisation", "front"}


def test_figures_json_is_strict_and_round_trips(sample, tmp_path):
    content = {**sample, "odd": {"nan": float("nan"), "array": np.arange(3), "scalar": np.float32(0.5), "path": tmp_path}}
    write_figures(content, tmp_path / "figures.json")
    text = (tmp_path / "figures.json").read_text()
    assert "NaN" not in text
    loaded = reading.load(tmp_path)
    assert loaded["odd"] == {"nan": None, "array": [0, 1, 2], "scalar": 0.5, "path": str(tmp_path)}
    assert loaded["models"]["student"]["accuracy"] == sample["models"]["student"]["accuracy"]
    assert [p.name for p in tmp_path.iterdir()] == ["figures.json"]


def test_json_form_and_figure_objects_give_the_same_page(sample):
    assert build_page(figures_to_json(sample)) == build_page(sample)


def test_same_results_same_bytes(sample, written, tmp_path):
    paths, _ = written
    assert build_page(sample, paths["plots"]) == paths["report"].read_text()
    assert tables.plain_text(sample) == paths["tables"].read_text()
    assert write_figures(sample, tmp_path / "figures.json").read_bytes() == paths["figures"].read_bytes()
    again = PLOTS["utilisation"][1](reading.normal(sample), tmp_path / "again.png")
    assert again.read_bytes() == paths["plots"]["utilisation"].read_bytes()


def test_full_disk_leaves_the_old_file(sample, tmp_path, monkeypatch):
    path = write_figures(sample, tmp_path / "figures.json")
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError, match="No space left"):
        write_figures({}, path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["figures.json"]


def test_verdicts_tell_bad_news(sample):
    bad = {
        **sample,
        "estimate": {**sample["estimate"], "fits": False, "fits_reason": "LUT 130 %"},
        "verify": {
            "samples": 10,
            "differing_bits": 7,
            "differing_samples": 2,
            "executors": ["A", "B"],
            "first_difference": {"layer": "dense_2", "sample": 4, "expected": 12, "got": 13},
        },
    }
    fits, exact = verdicts(bad)[2:]
    assert fits.holds is False and "does not fit" in fits.answer and "LUT 130 %" in fits.detail
    assert exact.holds is False and "7 bits differ" in exact.answer
    assert all(s in exact.detail for s in ("2 of 10 samples", "dense_2", "sample 4", "expected 12, got 13"))
    assert [v.holds for v in verdicts({})] == [None] * 4
    assert "NO" in tables.plain_text(bad) and 'class="tile no"' in build_page(bad)


def test_zero_samples_prove_nothing():
    assert verdicts({"verify": {"samples": 0, "differing_bits": 0}})[3].holds is None


def test_test_split_read_twice_is_said(sample):
    twice = {**sample, "data": {**sample["data"], "test_read": ["evaluate", "search"]}}
    assert "read 2 times (evaluate; search)" in build_page(twice) and "read once (evaluate, 2026" in build_page(sample)
    reads = [{"when": "2026-01-02", "reason": "evaluate", "samples": 9, "sha256": "abc"}]
    assert "read once (evaluate, 2026-01-02)" in build_page({"data": {"test_reads": reads}})


def test_terminal_table_fits_and_reads_when_piped(sample):
    text = tables.plain_text(sample)
    assert max(map(len, text.splitlines())) <= tables.PLAIN_WIDTH and "\x1b" not in text
    for word in ("teacher", "float student", "QAT", "QAP", "KD+QAP student", "218,058", "post-synth", "95 % Wilson"):
        assert word in text
    narrow = tables.plain_text(sample, 80)
    assert max(map(len, narrow.splitlines())) <= 80 and "218,058" in narrow


def test_ascii_pipe_gets_ascii(sample):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    tables.print_summary(sample, stream)
    stream.flush()
    assert b"0.8" in raw.getvalue() and b"?" not in raw.getvalue().replace(b"?)", b"")


def test_markdown_is_a_table(sample):
    lines = tables.markdown_models(sample).splitlines()
    assert len(lines) == 7 and len({line.count("|") for line in lines}) == 1
    assert "218,058" in lines[2 + 4] and "n/a" in lines[2]


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0.89312, "fraction", "0.8931"),
        (-0.00412, "signed", "\u22120.0041"),
        (0.793, "percent", "79.3 %"),
        (1686568, "", "1,686,568"),
        (5.94, "bits", "5.94"),
        (1e-7, "p", "1.0e-07"),
        (0.0374, "p", "0.037"),
        (4352000, "short", "4.35 M"),
        (9999, "short", "9,999"),
        (12.5, "", "12.50"),
        (0.4, "", "0.4000"),
    ],
)
def test_numbers(value, kind, text):
    assert number(value, kind) == text


def test_intervals_and_sources():
    figure = Figure(0.01, "fraction", -0.002, 0.03, "95 % t", "trained", "measured")
    assert full_text(figure, "signed") == "+0.0100 (\u22120.0020 to +0.0300)"
    assert explain(unavailable("no reason")) == "not available: no reason"
    assert "95 % t" in explain(figure) and "stage trained" in explain(figure)
    kinds = {
        None: "stated",
        "law of STACK.md": "law",
        "calibrated": "calibrated",
        "measured by x": "measured",
        "calibrated, extrapolated": "extrapolated",
    }
    assert all(provenance_kind(Figure(1, "", provenance=k)) == v for k, v in kinds.items())
    assert short_count(2_500_000_000) == "2.5 G"


def test_labels_are_spread():
    placed = spread([0.5, 0.5, 0.51, 2.0], 0.2)
    gaps = np.diff(sorted(placed))
    assert (gaps >= 0.2 - 1e-12).all() and placed[3] == 2.0 and placed[0] < placed[1] < placed[2]


def test_type_bits():
    assert [type_bits(t) for t in ("fixed<6,-2>", "ap_ufixed< 12, 3>", "int<4>", "float32", None)] == [6, 12, 4, None, None]


def call(*words):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    return command.run(parser.parse_args(["report", *map(str, words)]))


@pytest.fixture
def short(sample, tmp_path):
    """A run folder that is drawn quickly: no plots but one."""
    kept = {k: v for k, v in sample.items() if k not in ("weights", "models")}
    keep = ("label", "accuracy", "parameters", "per_class")
    kept["models"] = {n: {k: v for k, v in m.items() if k in keep} for n, m in sample["models"].items()}
    write_figures(kept, tmp_path / "figures.json")
    return tmp_path


def test_command_redraws_and_prints(short, capsys):
    assert call(short) == 0
    out, err = capsys.readouterr()
    assert "KD+QAP student" in out and "report.html" in err
    assert {p.name for p in short.iterdir()} == {"figures.json", "tables.txt", "report.html", "plots"}


def test_command_json_is_one_object(short, capsys):
    assert call(short, "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert {"run_dir", "models", "verify", "estimate", "seconds", "files"} <= set(content)
    assert content["models"]["student"]["accuracy"]["unit"] == "fraction" and "per_class" not in content["models"]["student"]


def test_terminal_table_is_plain_when_piped(sample, monkeypatch):
    assert tables.terminal_table(sample) == tables.plain_text(sample).rstrip("\n")
    monkeypatch.setattr("sys.stdout", type("Terminal", (io.StringIO,), {"isatty": lambda self: True})())
    assert "\x1b[" in tables.terminal_table(sample)


def test_command_refuses_what_is_no_run(tmp_path):
    with pytest.raises(RunError, match="no run folder"):
        call(tmp_path / "nowhere")
    with pytest.raises(RunError, match="has no figures.json"):
        call(tmp_path)
    for content in (
        "{",
        "[]",
        '{"models": 3}',
        '{"models": {"a": {"accuracy": {"value": 1, "unit": "x", "stage": "guessed"}}}}',
        '{"a": {"value": 1, "unit": "x", "surprise": 2}}',
        '{"a": {"value": null, "unit": ""}}',
        "\x00",
    ):
        (tmp_path / "figures.json").write_text(content)
        with pytest.raises(RunError):
            call(tmp_path)
    (tmp_path / "figures.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(RunError):
        call(tmp_path)


def test_no_tensorflow_and_light_command():
    import subprocess
    import sys

    code = "import sys, fpgacompress.cli.report; print({'tensorflow', 'matplotlib', 'numpy', 'rich'} & set(sys.modules) or '')"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = (
        "import sys, fpgacompress.report.write, fpgacompress.report.page, fpgacompress.metrics.task; assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_page_numbers_are_those_of_the_sample(sample, written):
    text = re.sub(r"\s+", " ", "".join(Reader((written[1] / "report.html").read_text()).text))
    student = sample["models"]["student"]
    for shown in (
        f"{student['accuracy'].value:.4f}",
        f"{student['auc'].value:.4f}",
        "45,214",
        "5.94",
        "29,876",
        "8,963",
        "56.2 %",
        "2,000 of 2,000 samples",
    ):
        assert shown in text
