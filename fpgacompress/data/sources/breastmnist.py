"""BreastMNIST: breast ultrasound, malignant or not."""

from . import register
from ._medmnist import medmnist

register("breastmnist")(
    medmnist(
        "breastmnist",
        "breast ultrasound, malignant or not",
        ("malignant", "normal or benign"),
        (546, 78, 156),
        "3a22d2a4625e7dd8903f0f59030e81a3d0c222bece2e5e10927456cb50efdec1",
        "W. Al-Dhabyani et al., Data in Brief 28, 2020",
    )
)
