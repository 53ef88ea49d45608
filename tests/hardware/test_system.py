"""Response time of a system, its class of real time, and profiles of devices."""

from __future__ import annotations

import pytest

from fpgacompress.errors import HardwareError
from fpgacompress.figures import Figure, unavailable
from fpgacompress.hardware.profiles import PROFILES, check_profile, load_profile, ram_bytes, size_text
from fpgacompress.hardware.system import (
    CLASSES,
    RATES,
    System,
    judge,
    parse_quantity,
    parse_time,
    parse_watts,
    time_text,
    transfer_time,
)
from fpgacompress.metrics.cost import model_bytes

from .networks import cnn, mlp


@pytest.mark.parametrize(
    ("text", "value", "low", "high"),
    [
        ("9us", 9, None, None),
        (" 2 ms ", 2000, None, None),
        ("500ns", 0.5, None, None),
        ("1.5s", 1.5e6, None, None),
        ("1e-3ms", 1, None, None),
        (".5us", 0.5, None, None),
        ("0us", 0, None, None),
        ("5-20ms", 12_500, 5000, 20_000),
        ("5 to 20 ms", 12_500, 5000, 20_000),
        ("800us-2ms", 1400, 800, 2000),
        ("2ms-2ms", 2000, 2000, 2000),
    ],
)
def test_times_that_are_read(text, value, low, high):
    told = parse_time(text)
    assert told.value == pytest.approx(value) and (told.low, told.high) == (low, high)
    assert told.unit == "us" and told.provenance == "given by the user"


@pytest.mark.parametrize("text", ["5 parsecs", "-3ms", "3", "", "ms", "nan ms", "inf us", "1e999us", "5-ms", "1,5ms", "3 MS", "5--20ms"])
def test_times_that_are_not(text):
    with pytest.raises(HardwareError, match="--preprocess is .*2ms, 150us or 5-20ms"):
        parse_time(text, "--preprocess")


def test_an_interval_the_wrong_way_round():
    with pytest.raises(HardwareError, match="whose first end is above its second"):
        parse_time("20-5ms")


def test_power_and_bandwidth():
    assert parse_watts("1.8").value == 1.8 and parse_watts("350mW").value == pytest.approx(0.35)
    assert (parse_watts("1.5-2.2").low, parse_watts("1.5-2.2").high) == (1.5, 2.2)
    with pytest.raises(HardwareError, match="2 volts"):
        parse_watts("2 volts")
    rate = parse_quantity("115200bit/s", RATES, "bytes/s", "--bandwidth", "25MB/s")
    assert rate.value == 14_400
    assert transfer_time(144, rate).value == pytest.approx(10_000)
    slow = transfer_time(1000, Figure(1.5e6, "bytes/s", 1e6, 2e6))
    assert (slow.low, slow.value, slow.high) == (500, 750, 1000)
    assert transfer_time(0, rate).value == 0
    for size, bandwidth in ((-1, rate), (1, Figure(0.0, "bytes/s")), (1, Figure(1.0, "bytes/s", 0.0, 2.0))):
        with pytest.raises(HardwareError, match="a bandwidth above 0"):
            transfer_time(size, bandwidth)


def test_times_read_well():
    assert [time_text(v) for v in (0, 0.05, 1, 150, 2165.0, 3e6)] == ["0 us", "50 ns", "1 us", "150 us", "2.165 ms", "3 s"]


def system(**texts):
    return System({name: parse_time(text) for name, text in texts.items()})


def test_stages_add_and_so_do_their_ends():
    told = system(postprocess="100us", preprocess="1-3ms", inference="9us", transfer="150us")
    assert list(told.stages) == ["preprocess", "transfer", "inference", "postprocess"]
    assert (told.total.value, told.total.low, told.total.high) == (2259, 1259, 3259)
    assert told.dominant == "preprocess" and told.share("preprocess") == pytest.approx(3000 / 3259)
    assert told.best() == "hard"


def test_a_stage_without_a_figure_leaves_no_total():
    told = System({"inference": unavailable("no law", "us"), "transfer": parse_time("1us")})
    assert not told.total.available and "inference: no law" in told.total.reason
    assert told.dominant is None and told.best() is None
    assert told.verdict(CLASSES["soft"], "soft").holds is None
    assert told.advice(100.0) == "inference must take less than 99 us"


def test_wrong_stages():
    with pytest.raises(HardwareError, match="stages cooking"):
        System({"cooking": parse_time("1us")})
    with pytest.raises(HardwareError, match="are missing"):
        System({})


def test_nothing_takes_no_time():
    told = system(inference="0us")
    assert told.dominant is None and told.share("inference") == 0 and told.best() == "trigger"


@pytest.mark.parametrize(
    ("time", "holds", "text"),
    [
        ("9.999ms", True, "holds: 9.999 ms is under 10 ms"),
        ("10ms", False, "does not hold: 10 ms is not under 10 ms"),
        ("5-10ms", False, "does not surely hold: from 5 ms, under the limit of 10 ms, to 10 ms"),
        ("5-20ms", False, "does not surely hold"),
        ("10-20ms", False, "does not hold: 10 ms is not under"),
        ("1-9ms", True, "9 ms is under"),
    ],
)
def test_the_upper_end_decides(time, holds, text):
    told = system(inference=time).verdict(CLASSES["hard"], "hard real time")
    assert told.holds is holds and text in told.text


def test_classes():
    assert [system(inference=t).best() for t in ("999ns", "1us", "10ms", "100ms")] == ["trigger", "hard", "soft", None]


def test_what_inference_has_to_do():
    assert system(preprocess="6ms", inference="8ms").advice(10_000) == "inference must fall from 8 ms to under 4 ms, by 50 %"
    assert system(preprocess="6ms", inference="1ms").advice(10_000) == "inference may rise to 4 ms (1 ms now)"
    assert system(preprocess="1-10ms", inference="1us").advice(10_000) == "the other stages alone take 10 ms, inference cannot help"
    assert system(preprocess="6ms", inference="4ms").advice(10_000).endswith("by 0 %"), "the limit itself is not under it"


def test_judge_without_an_interval_or_a_figure():
    assert judge("size", Figure(4, "bytes"), 5, size_text).holds is True
    assert judge("size", Figure(5, "bytes"), 5, size_text).holds is False
    told = judge("size", unavailable("no model", "bytes"), 5)
    assert told.holds is None and told.text == "size cannot be judged: no model"


def test_memory_for_activations_by_hand():
    # input 16 x 8 bits; fc1's sums go straight into relu1 (8 x 6 bits); fc2 puts out 4 sums of its own width
    network = mlp((16, 8, 4), (6, 6), 0.5)
    logits = -(-4 * network.output.out.width // 8)
    assert ram_bytes(network).value == sum(sorted([16, 6, logits])[1:])
    # image 64 x 8 bits, relu 144 x 4 bits = 72 bytes (flatten keeps it), logits 3 x 16 bits
    assert ram_bytes(cnn()).value == 72 + 64


def test_profiles_of_the_course():
    assert set(PROFILES) == {"wearable", "mobile", "point-of-care"} and all(p.source == "course" for p in PROFILES.values())
    wearable, network = load_profile("wearable"), mlp((16, 8, 4), (6, 6), 0.5)
    checks = check_profile(wearable, network, parse_time("5ms"))
    assert [c.name for c in checks] == ["model size", "width of weights", "response time"] and all(c.holds for c in checks)
    assert checks[0].figure.value == model_bytes(network).value and "under the ideal of 1 MB" in checks[0].text
    assert [c.holds for c in check_profile(wearable, None, parse_time("50-150ms"))] == [None, None, False]
    assert [c.holds for c in check_profile(wearable, mlp((4, 2), (8,), 0.0), parse_time("1ms"))] == [True, True, True]
    assert check_profile(wearable, mlp((4, 2), (9,), 0.0), parse_time("1ms"))[1].holds is False
    assert [c.holds for c in check_profile(load_profile("point-of-care"), None, parse_time("29s"))] == [True]
    assert [c.name for c in check_profile(load_profile("mobile"), network, parse_time("1s"))] == ["model size"]


def test_a_profile_of_one_s_own(tmp_path):
    path = tmp_path / "ring.toml"
    path.write_text('source = "our ring"\nram_bytes = 100\nmodel_bytes = 1e3\nresponse_us = 1e3\nideal_bytes = 10\n')
    profile = load_profile(str(path))
    assert profile.name == "ring"
    checks = {c.name: c for c in check_profile(profile, cnn(), parse_time("1ms"))}
    assert checks["memory for activations"].holds is False and "136 bytes" in checks["memory for activations"].text
    assert checks["model size"].holds and "but not under the ideal of 10 bytes" in checks["model size"].text
    assert checks["response time"].holds is False


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("ram_bytes = 100", "'source' is missing"),
        ('source = "x"\nram_byte = 1', "did you mean 'ram_bytes'"),
        ('source = "x"\nram_bytes = -1', "field 'ram_bytes' is -1"),
        ('source = "x"\nram_bytes = "big"', "a positive number"),
        ("source = 3", "field 'source' is 3"),
        ("source = = 3", "cannot be read"),
    ],
)
def test_wrong_profiles(tmp_path, content, text):
    path = tmp_path / "wrong.toml"
    path.write_text(content)
    with pytest.raises(HardwareError, match=text):
        load_profile(str(path))


def test_unknown_profiles(tmp_path):
    with pytest.raises(HardwareError, match="did you mean 'wearable'"):
        load_profile("Wearables")
    with pytest.raises(HardwareError, match="cannot be read"):
        load_profile(str(tmp_path / "none.toml"))
