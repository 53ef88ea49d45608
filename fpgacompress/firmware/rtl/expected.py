"""LUT and flip-flops that Yosys will need for an adder graph, estimated in about a tenth of a second from the graph's bits.

The graph is laid out bit by bit as Yosys does it: bits that nothing reads go, sums that only one sum reads become one sum of many words
(``alumacc``), full adders bring those to two words (``maccmap``), carry chains add the two, and what is left is gates, which are packed into
look-up tables. What is counted then, times factors fitted on Yosys' results for other networks, is the estimate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ...errors import HardwareError, ToolError
from ...figures import Figure
from .layout import Bit, Chain, Nets, Term, Word, extended, laid_out, merged, nets_read
from .project import RtlProject
from .synthesis import STAGE


@dataclass(frozen=True)
class Law:
    """How a family adds, and what was fitted for it with Yosys 0.70.

    Attributes:
        inputs: of its look-up tables.
        narrow: sums of so many bits have no carry chain.
        chain: of what its carry chains are made: ``xor`` reads the exclusive or of both words from a look-up table, and the first word;
            ``inverted`` and ``adder`` read both words, a subtracted one inverted by look-up tables or by themselves, and ``inverted`` has
            look-up tables only for bits that are read, not for carries alone; ``pair`` is an adder of two bits.
        factors: LUT for each look-up table of a chain, and for each other one.
        register: flip-flops for each register counted.
        lut, ff: half width of the 90 % interval, as a share of the figure and :data:`SMALL` more.
        networks: how many the intervals come from.
        least: LUT of the smallest one that was fitted or spans; what is smaller is extrapolated.
    """

    inputs: int
    narrow: int
    chain: Literal["xor", "inverted", "adder", "pair"]
    factors: tuple[float, float]
    register: float
    lut: float
    ff: float
    networks: int
    least: int


SMALL = 100
"""What small figures scatter more than large ones: an interval is that of a figure larger by so much."""
LAWS = {
    "xc7": Law(6, 2, "xor", (0.985, 1.061), 0.997, 0.074, 0.012, 9, 296),
    "xcup": Law(6, 2, "xor", (0.985, 1.061), 0.997, 0.074, 0.012, 9, 296),
    "ecp5": Law(4, 4, "pair", (0.845, 1.206), 1.000, 0.037, 0.012, 10, 1024),
    "ice40": Law(4, 2, "inverted", (1.015, 0.917), 0.995, 0.037, 0.039, 13, 389),
    "gowin": Law(4, 2, "adder", (1.042, 1.102), 1.000, 0.135, 0.012, 10, 1094),
}
"""By target of :func:`.synthesis.synthesize`; ``python -m benchmarks.rtl_estimate --fit`` prints the fitted numbers; xcup, not
fitted, has xc7's, whose look-up tables and chains are the same to Yosys."""


class Counts(NamedTuple):
    """What a design is made of.

    Attributes:
        chain: look-up tables of carry chains.
        gates: other look-up tables.
        inverters: of what carry chains and registers read.
        shifts: shift registers of look-up tables.
        registers: flip-flops.
    """

    chain: int
    gates: int
    inverters: int
    shifts: int
    registers: int


@dataclass
class _Cells:
    """Gates, carry chains and registers of a design."""

    law: Law
    nets: Nets = field(default_factory=Nets)
    chains: list[Chain] = field(default_factory=list)

    def total(self, terms: Sequence[Term], width: int) -> Word:
        """The sum of any number of words (Yosys' ``maccmap``)."""
        words = [(extended(t.bits, width, t.signed), t.minus) for t in terms]
        fixed = [(word, minus) for word, minus in words if max(word) < 2]
        words = [(word, minus) for word, minus in words if max(word) > 1]
        constant = sum((-1 if minus else 1) * sum(bit << i for i, bit in enumerate(word)) for word, minus in fixed) % (1 << width)
        if constant or len(words) < 2:
            words.append(([constant >> i & 1 for i in range(width)], False))
        words.sort(key=lambda term: term[1])
        if len(words) == 2 and not words[0][1]:
            return self.add(words[0][0], *words[1])
        columns: list[Word] = [[] for _ in range(width)]
        for word, minus in words:
            for i, bit in enumerate(word):
                self._put(columns, bit ^ minus, i)
            self._put(columns, int(minus), 0)
        rows = [[column[row] if row < len(column) else 0 for column in columns] for row in range(max(2, *map(len, columns)))]
        while len(rows) > 2:
            threes, rest = len(rows) // 3 * 3, rows[len(rows) // 3 * 3 :]
            rows = [row for i in range(0, threes, 3) for row in self._two(*rows[i : i + 3])] + rest
        return self.add(*rows, False)

    def _two(self, *three: Word) -> tuple[Word, Word]:
        """Two words with the sum of three: full adders."""
        sums = [self.nets.differ(self.nets.differ(a, b), c) for a, b, c in zip(*three)]
        return sums, [0, *(self.nets.majority(*bits) for bits in zip(*three))][:-1]

    def _put(self, columns: list[Word], bit: Bit, place: int) -> None:
        while bit and place < len(columns) and bit in columns[place]:
            columns[place].remove(bit)
            place += 1
        if bit and place < len(columns):
            columns[place].append(bit)

    def add(self, a: Word, b: Word, minus: bool) -> Word:
        """The sum or difference of two words: a carry chain, behind lower bits of only one of them."""
        same = 0
        while same < len(a) and (b[same] == 0 or a[same] == int(minus)):
            same += 1
        low = [x if y == 0 else y ^ minus for x, y in zip(a[:same], b[:same])]
        pairs = list(zip(a[same:], b[same:]))
        if len(pairs) <= self.law.narrow:
            carry: Bit = int(minus)
            for x, y in pairs:
                low.append(self.nets.differ(self.nets.differ(x, y ^ minus), carry))
                carry = self.nets.majority(x, y ^ minus, carry)
            return low
        reads = []
        for x, y in pairs:
            second = self.nets.differ(x, y ^ minus) if self.law.chain == "xor" else y ^ (minus and self.law.chain == "inverted")
            reads.append((x, second))
        first = len(self.nets.nets)
        self.nets.nets += [("chain", (len(self.chains),))] * len(pairs)
        self.chains.append(Chain(first, reads))
        return low + [2 * (first + i) for i in range(len(pairs))]

    def counts(self, outputs: Iterable[Bit]) -> Counts:
        """What the outputs need; a gate goes into all the look-up tables that read it, where each has room for its inputs."""
        nets, wanted = self.nets.nets, list(outputs)
        inputs: dict[int, set[int]] = {}
        readers: dict[int, set[int]] = {}
        registers: list[int] = []
        seen, left = {0}, [bit >> 1 for bit in wanted]
        while left:
            net = left.pop()
            if net in seen:
                continue
            seen.add(net)
            kind, of = nets[net]
            if kind == "chain":
                wanted += (reads := self._reached(net))
            elif kind == "register":
                registers.append(net)
                wanted += (reads := list(of[:2]))
            else:
                reads = [bit for bit in of if bit > 1]
                if reads:
                    inputs[net] = {bit >> 1 for bit in reads}
                for read in reads:
                    readers.setdefault(read >> 1, set()).add(net)
            left += [bit >> 1 for bit in reads]
        roots = {bit >> 1 for bit in wanted}
        shifts, shifted = self._shifts(sorted(registers), wanted, readers) if self.law.chain == "xor" else (0, 0)
        for net in sorted(inputs.keys() - roots):
            wider = {reader: inputs[reader] - {net} | inputs[net] for reader in readers[net]}
            if max(map(len, wider.values())) <= self.law.inputs:
                inputs |= wider
                for read in inputs.pop(net):
                    readers[read] = readers[read] - {net} | wider.keys()
        inverters = {bit for bit in wanted if bit & 1 and bit > 1 and bit >> 1 not in inputs}
        chained, gates = sum(chain.live + chain.live % 2 * (self.law.chain == "pair") for chain in self.chains), len(inputs)
        if self.law.chain == "xor":
            chained = len({second >> 1 for chain in self.chains for _, second in chain.reads[: chain.live]} & inputs.keys())
            gates -= chained
        elif self.law.chain == "inverted":
            chained = sum(nets[net][0] == "chain" for net in seen)
        return Counts(chained, gates, len(inverters), shifts, len(registers) - shifted)

    def _reached(self, net: int) -> Word:
        """What a carry chain reads for one more of its results."""
        chain = self.chains[self.nets.nets[net][1][0]]
        top = net - chain.first + 1
        more = [bit for pair in chain.reads[chain.live : top] for bit in pair]
        chain.live = max(chain.live, top)
        return more

    def _shifts(self, registers: Iterable[int], wanted: Iterable[Bit], readers: Mapping[int, set[int]]) -> tuple[int, int]:
        """Shift registers of three and more flip-flops in a row that nothing else reads, and how many flip-flops those were."""
        read = Counter(bit >> 1 for bit in wanted)
        depth: dict[int, int] = {}
        for net in registers:
            data, reset, _ = self.nets.nets[net][1]
            before = data >> 1
            if not reset:
                alone = before in depth and not data & 1 and read[before] == 1 and before not in readers
                depth[net] = depth.pop(before) + 1 if alone else 1
        long = [length for length in depth.values() if length > 2]
        return len(long), sum(long)


def _cells(nets: Nets, outputs: Sequence[Bit], law: Law) -> tuple[_Cells, dict[int, Bit]]:
    """Sums become chains and gates, and registers that only a multiplexer with a constant feeds have resets; also what each net has become."""
    read = nets_read(nets, outputs)
    sums, readers = merged(nets, read, outputs)
    cells, known = _Cells(law), {0: 0}
    gates = cells.nets
    make = {"and": gates.both, "xor": gates.differ, "majority": gates.majority, "choose": gates.choose}

    def new(bits: Iterable[Bit]) -> Word:
        return _renamed(bits, known)

    for net in sorted(read - {0}):
        kind, of = nets.nets[net]
        if kind in make:
            known[net] = make[kind](*new(of))
        elif kind == "source":
            known[net] = gates.source()
        elif kind == "register":
            alone = readers[of[0] >> 1] == 1
            key, constant, data = nets.resets.get(of[0], (0, 0, of[0])) if alone else (0, 0, of[0])
            into = new((data, key))
            known[net] = gates.one("register", *into, constant) if max(into) > 1 else into[0]
        elif net not in known and of[0] in sums:
            total = nets.sums[of[0]]
            terms = [Term(new(t.bits), t.signed, t.minus) for t in sums[of[0]]]
            known |= dict(zip(range(total.first, total.first + total.live), cells.total(terms, total.live)))
    return cells, known


def _renamed(bits: Iterable[Bit], known: Mapping[int, Bit]) -> Word:
    return [known[bit >> 1] ^ (bit & 1) for bit in bits]


def counted(design: RtlProject | Any, target: str = "xc7") -> Counts:
    """What :func:`expected` multiplies with the factors of a law; the same arguments and errors."""
    if target not in LAWS:
        raise HardwareError(f"there is no target '{target}'", expected=f"one of {', '.join(LAWS)}")
    if isinstance(design, RtlProject):
        design = _solution(design)
    stages = getattr(design, "solutions", None)
    nets, outputs = laid_out(stages or (design,), registers=stages is not None)
    cells, known = _cells(nets, outputs, LAWS[target])
    return cells.counts(_renamed(outputs, known))


def _solution(project: RtlProject) -> Any:
    try:
        from da4ml.types import CombLogic, Pipeline
    except ImportError:
        raise ToolError("da4ml is not installed", do="pip install 'fpgacompress[rtl]'") from None
    kind, name = (Pipeline, "pipeline") if project.stages else (CombLogic, "comb")
    path = project.folder / "model" / f"{name}.json"
    try:
        return kind.load(str(path))
    except (OSError, ValueError) as error:
        raise HardwareError(f"the graph '{path}' cannot be read ({error})", do="generate the project again") from error


def expected(design: RtlProject | Any, target: str = "xc7") -> dict[str, Figure]:
    """What :func:`.synthesis.synthesize` will count, with intervals.

    Without registers the figures are extrapolated: Yosys then finds signals of the whole network that are constant or equal, which counting does
    not (one student took a fifth less than told).

    Args:
        design: a project, or da4ml's ``CombLogic`` (no registers) or ``Pipeline``.
        target: name in :data:`LAWS`.

    Returns:
        ``lut`` and ``ff``.

    Raises:
        HardwareError: no such target, or a project whose files are damaged.
        UnsupportedError: multiplications of two values, or tables.
        ToolError: da4ml is not installed.
    """
    counts, law = counted(design, target), LAWS[target]
    text = f"90 % conformal, {law.networks} networks left out of the fit"
    lut = counts.chain * law.factors[0] + (counts.gates + counts.inverters) * law.factors[1] + counts.shifts
    source = "calibrated" if lut == 0 or (lut >= law.least and counts.registers) else "extrapolated"

    def figure(value: float, unit: str, share: float) -> Figure:
        slack = share * (value + SMALL) if value else 0
        return Figure(round(value), unit, max(round(value - slack), 0), round(value + slack), text, STAGE, source)

    return {"lut": figure(lut, "LUT", law.lut), "ff": figure(counts.registers * law.register, "FF", law.ff)}
