"""``fpgacompress data``: one JSON object on standard output, people's text otherwise."""

import argparse
import json

import pytest

from fpgacompress.cli import data
from fpgacompress.errors import DataError


def call(*words):
    parser = argparse.ArgumentParser()
    data.add_parser(parser.add_subparsers(dest="command"))
    args = parser.parse_args(["data", *words])
    return args.run(args)


def test_list(capsys):
    assert call("list", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in answer["sources"]}
    assert set(rows) == set("fashion_mnist mnist ecg pneumoniamnist breastmnist drybean magic gamma_neutron jets mhist".split())
    assert rows["fashion_mnist"]["train"] == 60000 and rows["fashion_mnist"]["found"].endswith("fashion_mnist")
    assert call("list") == 0
    text = capsys.readouterr().out
    assert "fpgacompress data fetch jets" in text and "folders searched:" in text


def test_show(capsys):
    assert call("show", "gamma_neutron", "--json", "--validation", "100") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["validation"]["samples"] == 100 and answer["test_reads"] == [] and len(answer["sha256"]) == 64
    for name in ("ecg", "breastmnist"):
        assert call("show", name) == 0
    text = capsys.readouterr().out
    assert "record 201 is left out" in text and "read by the step evaluate only" in text


def test_show_own_file_below_data_dir(save, table, capsys, tmp_path):
    save(x=table[0].astype(float), y=table[1])
    assert call("show", "own.npz", "--data-dir", str(tmp_path)) == 0
    assert "3 float64" in capsys.readouterr().out


def test_fetch(capsys):
    assert call("fetch", "ecg", "--json") == 0
    assert json.loads(capsys.readouterr().out)["files"][0].endswith("mitbih_beats.npz")
    with pytest.raises(DataError, match="did you mean 'ecg'"):
        call("fetch", "egc")
