"""What several commands share: numbers with commas between them, and least values."""

import argparse

import pytest

from fpgacompress.cli.options import add_data_dir, add_set, add_subject, check_least, numbers
from fpgacompress.errors import DataError


def test_numbers_are_read_in_order_and_of_the_kind_asked_for():
    assert numbers("8, 4,,2", "--bits", int) == [8, 4, 2] and numbers("", "--sparsity", float) == []
    with pytest.raises(DataError, match="--bits '8,4.5'.*commas"):
        numbers("8,4.5", "--bits", int)


def test_an_option_below_its_least_value_is_refused_by_name():
    args = argparse.Namespace(seed=0, hls_samples=0)
    check_least(args, {"--seed": 0})
    with pytest.raises(DataError, match="--hls-samples 0.*at least 1"):
        check_least(args, {"--seed": 0, "--hls-samples": 1})


def test_subject_set_and_data_folder_are_read():
    parser = argparse.ArgumentParser()
    add_subject(parser)
    add_set(parser, "a field")
    args = parser.parse_args(["m.h5", "--data", "d", "--data-dir", "f", "--set", "a=1", "--set", "b=2"])
    assert (args.model, args.data, args.data_dir, args.set) == ("m.h5", "d", "f", ["a=1", "b=2"])
    assert numbers(args.bits, "--bits", int) == [8, 7, 6, 5, 4, 3, 2] and args.samples == 2000
    other = argparse.ArgumentParser()
    add_data_dir(other)
    assert other.parse_args([]).data_dir is None
