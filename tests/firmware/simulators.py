"""Networks with every kind of cast, for simulators other than Verilator, which need no time to compile."""

from fpgacompress.integer import FixedType, IntegerNetwork

from .networks import Net

CASTS = {
    "saturated": ["fixed<6,3,RND_CONV,SAT>", "ufixed<5,2,RND,SAT>"],
    "symmetric": ["fixed<7,3,RND_CONV,SAT_SYM>", "fixed<1,1,RND,SAT>"],
    "wrapped": ["fixed<5,2,TRN,WRAP>", "ufixed<3,1,RND_CONV,WRAP>"],
    "one bit": ["ufixed<1,0,TRN,SAT>", "ufixed<4,2,RND_CONV,SAT>"],
}


def casts(name: str) -> IntegerNetwork:
    """7-6-5-3 of random weights, with two casts between."""
    net = Net(FixedType(6, 3), (7,), seed=4)
    for units, before, kind in zip((6, 5), (7, 6), CASTS[name]):
        net.weighted("dense", (before, units))
        net.quantize(kind)
    net.weighted("dense", (5, 3))
    return net.network()


def wide() -> IntegerNetwork:
    """Two sums of more than 32 bits, of numbers of 30 bits and weights of 12."""
    net = Net(FixedType(30, 4), (3,), seed=1)
    net.weighted("dense", (3, 2), kind=FixedType(12, 1), biased=False)
    assert net.nodes[net.at].out.width > 40
    return net.network()


def narrow() -> IntegerNetwork:
    """Ports of a few bits."""
    net = Net(FixedType(3, 1), (1,), seed=3)
    net.weighted("dense", (1, 1), kind=FixedType(3, 1))
    net.quantize("ufixed<2,1,RND_CONV,SAT>")
    return net.network()
