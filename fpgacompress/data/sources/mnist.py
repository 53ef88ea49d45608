"""MNIST: 70,000 grey images of handwritten digits; the four idx files or Keras' mnist.npz."""

from functools import partial

from ..files import DataFile
from ..source import Source
from . import register
from ._idx import idx_files, read_idx

_KERAS = DataFile(
    "mnist.npz",
    ("", "mnist"),
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    urls=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",),
)

register("mnist")(
    Source(
        title="handwritten digits, 10 classes",
        read=partial(read_idx, classes=tuple("0123456789")),
        alternatives=(
            idx_files(
                ("mnist",),
                (
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                ),
                ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
            ),
            (_KERAS,),
        ),
        sizes=(60000, None, 10000),
        input="28x28 uint8",
        licence="CC BY-SA 3.0, copyright Y. LeCun and C. Cortes",
        citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition, "
        "Proc. IEEE 86(11), 1998",
        home="http://yann.lecun.com/exdb/mnist/",
    )
)
