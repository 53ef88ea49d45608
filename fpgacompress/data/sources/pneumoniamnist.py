"""PneumoniaMNIST: chest X-rays of children, normal or pneumonia."""

from . import register
from ._medmnist import medmnist

register("pneumoniamnist")(
    medmnist(
        "pneumoniamnist",
        "chest X-ray, normal or pneumonia",
        ("normal", "pneumonia"),
        (4708, 524, 624),
        "e1792d3f03751cb101e99f19a63b3c1941436c988665f47853417b05be250cd8",
        "D. S. Kermany et al., Cell 172(5), 2018",
    )
)
