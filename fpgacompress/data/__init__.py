"""Data room: sources by name or path, fixed and seeded splits, preprocessing as data. Imports no TensorFlow.

    dataset = load("fashion_mnist", validation=0.1, seed=0)
    x = dataset.preprocessing.apply(dataset.train.x)        # float32 on the grid of preprocessing.input_type
    test = dataset.read_test("evaluate")                    # recorded in dataset.test_reads

``sources.names()`` lists the sources; a new one is a file in ``fpgacompress/data/sources`` or an entry point of ``fpgacompress.data``.
"""

from . import sources
from .dataset import Dataset, Split, TestRead
from .loading import load
from .preprocessing import Preprocessing
from .source import Raw, Request, Source

__all__ = ["Dataset", "Preprocessing", "Raw", "Request", "Source", "Split", "TestRead", "load", "sources"]
