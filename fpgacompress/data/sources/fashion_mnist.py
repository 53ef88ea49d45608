"""Fashion-MNIST: 70,000 grey images of clothing, ten balanced classes."""

from functools import partial

from ..source import Source
from . import register
from ._idx import idx_files, read_idx

CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

register("fashion_mnist")(
    Source(
        title="clothing, 10 classes",
        read=partial(read_idx, classes=CLASSES),
        alternatives=(
            idx_files(
                ("fashion_mnist", "fashion-mnist"),
                (
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                ),
                (
                    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
                    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
                ),
            ),
        ),
        sizes=(60000, None, 10000),
        input="28x28 uint8",
        licence="MIT, copyright Zalando SE",
        citation="H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv:1708.07747, 2017",
        home="https://github.com/zalandoresearch/fashion-mnist",
    )
)
