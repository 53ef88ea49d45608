"""Runs in a process of its own: load a compiled C simulation, push samples through it, write the results.

Usage: _worker.py LIBRARY NAME INPUT.npy OUTPUT.npz OUTPUTS [LAYER=SIZE ...]
"""

import ctypes
import sys

import numpy as np


class _Trace(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("data", ctypes.c_void_p)]


def main(library: str, name: str, source: str, target: str, outputs: str, *layers: str) -> None:
    """See the module's text."""
    loaded = ctypes.CDLL(library)
    top = getattr(loaded, name + "_double")
    top.restype = None
    pointer = ctypes.POINTER(ctypes.c_double)
    top.argtypes = [pointer, pointer]
    x = np.load(source)
    y = np.zeros((len(x), int(outputs)))
    sizes = {k: int(v) for k, v in (layer.split("=") for layer in layers)}
    results = {"": y} | {layer: np.zeros((len(x), size)) for layer, size in sizes.items()}
    trace = (_Trace * len(sizes))()
    if sizes:
        loaded.allocate_trace_storage.argtypes = [ctypes.c_size_t]
        loaded.allocate_trace_storage(8)
    for i in range(len(x)):
        top(x[i].ctypes.data_as(pointer), y[i].ctypes.data_as(pointer))
        if sizes:
            loaded.collect_trace_output(trace)
            for entry in trace:
                layer = entry.name.decode()
                values = ctypes.cast(entry.data, pointer)
                results[layer][i] = np.ctypeslib.as_array(values, shape=(sizes[layer],))
    with open(target, "wb") as file:
        np.savez(file, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
