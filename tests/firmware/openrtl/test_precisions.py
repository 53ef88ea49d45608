"""Casts and real numbers against hls4ml's own C++ types (``ap_fixed``), compiled once for many types."""

import itertools
import subprocess
from pathlib import Path

import hls4ml
import numpy as np
import pytest

from fpgacompress.errors import UnsupportedError
from fpgacompress.firmware.openrtl.constants import read_constants, stored, trimmed
from fpgacompress.firmware.openrtl.graph import input_values
from fpgacompress.firmware.openrtl.precisions import read_precision
from fpgacompress.hardware import toolchains
from fpgacompress.integer import FixedType, Node
from fpgacompress.integer.types import OVERFLOWS, ROUNDINGS

HEADERS = Path(hls4ml.__file__).parent / "templates" / "vivado" / "ap_types"
TYPES = [
    f"{u}fixed<{w},{i},{r},{o}>"
    for (u, w, i), r, o in itertools.product([("", 7, 3), ("u", 6, 2), ("", 5, -1), ("", 4, 7)], ROUNDINGS, OVERFLOWS)
]
PROGRAM = """
#include <cstdio>
#include "ap_fixed.h"
template <class T> void run(const double *x, size_t n) {
    for (size_t i = 0; i < n; i++) { double y = T(x[i]).to_double(); fwrite(&y, 8, 1, stdout); }
}
int main(int, char **argv) {
    static double x[1 << 16];
    size_t n = fread(x, 8, 1 << 16, stdin);
    RUNS
}
"""


def numbers():
    rng = np.random.default_rng(0)
    return np.concatenate(
        [rng.normal(0, s, 400) for s in (0.05, 1, 30)] + [np.arange(-300, 300) / 32, [1e9 + 0.25, -1e12, 1e-300, -1e-300, 0.0]]
    )


@pytest.mark.skipif(toolchains.find("g++") is None, reason="g++ is not there")
def test_real_numbers_become_what_ap_fixed_makes_of_them(tmp_path):
    names = [
        t.replace("fixed", "ap_fixed").replace("uap_fixed", "ap_ufixed").replace(",TRN", ",AP_TRN").replace(",RND", ",AP_RND")
        for t in TYPES
    ]
    names = [n.replace(",WRAP", ",AP_WRAP").replace(",SAT", ",AP_SAT") for n in names]
    (tmp_path / "a.cpp").write_text(PROGRAM.replace("RUNS", "\n".join(f"run<{n}>(x, n);" for n in names)))
    subprocess.run(["g++", "-std=c++14", f"-I{HEADERS}", "-o", tmp_path / "a", tmp_path / "a.cpp"], check=True)
    x = numbers()
    told = np.frombuffer(subprocess.run([tmp_path / "a"], input=x.tobytes(), capture_output=True, check=True).stdout).reshape(
        len(TYPES), -1
    )
    for name, wanted in zip(TYPES, told):
        kind = FixedType.parse(name)
        got = kind.to_float(input_values(Node("x", "input", (), kind, (1,)), x)).ravel()
        assert np.array_equal(got, wanted), name
        precision = read_precision(hls4ml.backends.get_backend("vivado").convert_precision_string(name), "x")
        inside = np.abs(x) < 1e8  # weights are no larger
        assert np.array_equal(kind.to_float(stored(x[inside], precision)), wanted[inside]), name


@pytest.mark.parametrize(
    "told, low, high, fraction, acting",
    [
        ("fixed<8,4,RND,SAT>", -100, 100, 4, None),
        ("fixed<8,4,RND,SAT>", -100, 100, 5, "fixed<8,4,RND,WRAP>"),
        ("fixed<8,4,RND,SAT>", -256, 255, 5, "fixed<8,4,RND,SAT>"),  # 255/32 is rounded up, out of range
        ("fixed<8,4,RND,SAT_SYM>", -128, 0, 4, "fixed<8,4,TRN,SAT_SYM>"),
        ("ufixed<8,4,RND,WRAP>", -1, 0, 4, "ufixed<8,4>"),
        ("fixed<8,4,TRN_ZERO,SAT>", -300, 0, 4, "fixed<8,4,TRN,SAT>"),  # nothing is rounded
        ("fixed<8,4,RND,SAT_ZERO>", -100, 100, 5, "fixed<8,4,RND,WRAP>"),  # nothing overflows
        ("int<4>", -20, 0, 0, "fixed<4,4>"),
    ],
)
def test_only_what_acts_is_cast(told, low, high, fraction, acting):
    precision = read_precision(hls4ml.backends.get_backend("vivado").convert_precision_string(told), "layer 'x'")
    found = precision.acting(low, high, fraction)
    assert (found and str(found)) == acting


@pytest.mark.parametrize(
    "told, mode", [("fixed<8,4,TRN_ZERO,SAT>", "TRN_ZERO"), ("fixed<8,4,RND,SAT_ZERO>", "SAT_ZERO"), ("fixed<8,4,RND,WRAP,2>", "2")]
)
def test_modes_that_no_network_has_are_refused_where_they_act(told, mode):
    precision = read_precision(hls4ml.backends.get_backend("vivado").convert_precision_string(told), "layer 'x': the result type")
    with pytest.raises(UnsupportedError, match=rf"layer 'x': the result type is fixed<.*{mode}"):
        precision.acting(-9999, 9999, 6)


def test_weights_are_the_numbers_that_hls4ml_writes():
    """Decimals are cut at the type's number of bits before C++ truncates: 0.2499999 becomes 0.25 in fixed<3,1>, and 0.24 becomes 0."""

    class Layer:
        name = "fc"
        weights = {}

    kind = hls4ml.model.types.FixedPrecisionType(3, 1)
    data = np.array([[0.2499999, 0.24, -0.26], [0.5, -0.0, 0.749]])
    Layer.weights["weight"] = hls4ml.model.types.WeightVariable("w", "t", kind, data)
    found = read_constants(Layer, "weight", (2, 3))
    assert np.array_equal(found.type.to_float(found.values), [[0.25, 0, -0.5], [0.5, 0, 0.75]])
    with pytest.raises(UnsupportedError, match="layer 'fc': 6 numbers as weight. Expected: 8"):
        read_constants(Layer, "weight", (2, 4))


def test_constants_take_no_bits_that_none_of_them_needs():
    found = trimmed(np.array([-48, 16, 0]), 6)
    assert str(found.type) == "fixed<3,1>" and found.values.tolist() == [-3, 1, 0]
