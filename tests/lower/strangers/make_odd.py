"""Writes the files of this folder that must be refused: a Keras 3 model twice, where Keras 3 is there, and an ONNX model, where onnx is.

python make_odd.py FOLDER
"""

import os
import sys
from importlib.util import find_spec

folder = sys.argv[1]
if find_spec("keras"):
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="fc")])
    for name in ("keras3.keras", "keras3.h5"):
        model.save(os.path.join(folder, name))
    print("keras", keras.__version__)
if find_spec("onnx"):
    import onnx
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu", [x], [y])
    onnx.save(helper.make_model(graph), os.path.join(folder, "relu.onnx"))
    print("onnx", onnx.__version__)
