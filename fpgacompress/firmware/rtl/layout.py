"""The bits of an adder graph as Yosys lays them out: words, sums that are merged, gates between; what nothing reads is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...errors import UnsupportedError

Bit = int
"""Twice the number of a net, plus 1 where it is inverted; 0 and 1 are the constants."""
Word = list[Bit]
"""Lowest bit first."""


class Term(NamedTuple):
    """A word of a sum; behind its last bit come more of that (signed) or zeros."""

    bits: Word
    signed: bool
    minus: bool


@dataclass
class _Sum:
    """The sum of two words, each added or subtracted; its nets are numbered from ``first`` on, and the lowest ``live`` bits of it are read."""

    terms: tuple[tuple[Word, bool], tuple[Word, bool]]
    first: int
    live: int = 0


class Nets:
    """Nets by number, operands before results: a kind and the bits it is made of (of a sum's bit: the sum's number)."""

    def __init__(self) -> None:
        self.nets: list[tuple[str, tuple[Bit, ...]]] = [("source", ())]
        self.known: dict[tuple[str, tuple[Bit, ...]], Bit] = {}
        self.sums: list[_Sum] = []
        self.made: dict[tuple[Any, ...], Word] = {}
        self.resets: dict[Bit, tuple[Bit, Bit, Bit]] = {}
        """Of what a multiplexer with a constant gives: its key, the constant, the other input."""

    def source(self) -> Bit:
        self.nets.append(("source", ()))
        return 2 * (len(self.nets) - 1)

    def one(self, kind: str, *of: Bit) -> Bit:
        if (kind, of) not in self.known:
            self.nets.append((kind, of))
            self.known[kind, of] = 2 * (len(self.nets) - 1)
        return self.known[kind, of]

    def both(self, a: Bit, b: Bit) -> Bit:
        a, b = min(a, b), max(a, b)
        if a == 0 or a == b ^ 1:
            return 0
        return b if a in (1, b) else self.one("and", a, b)

    def either(self, a: Bit, b: Bit) -> Bit:
        return self.both(a ^ 1, b ^ 1) ^ 1

    def differ(self, a: Bit, b: Bit) -> Bit:
        turned, (a, b) = (a ^ b) & 1, sorted((a & ~1, b & ~1))
        if a == b:
            return turned
        return (b if a == 0 else self.one("xor", a, b)) ^ turned

    def majority(self, a: Bit, b: Bit, c: Bit) -> Bit:
        a, b, c = sorted((a, b, c))
        if a < 2:
            return self.either(b, c) if a else self.both(b, c)
        return b if b in (a, c) else self.one("majority", a, b, c)

    def choose(self, key: Bit, yes: Bit, no: Bit) -> Bit:
        if yes == no or key < 2:
            return yes if key == 1 else no
        if yes == no ^ 1:
            return self.differ(key, no)
        if min(yes, no) > 1:
            return self.one("choose", key, yes, no)
        if yes < 2:
            found = self.either(key, no) if yes else self.both(key ^ 1, no)
        else:
            found = self.either(key ^ 1, yes) if no else self.both(key, yes)
        self.resets[found] = (key, min(yes, no), max(yes, no))
        return found

    def total(self, terms: tuple[tuple[Word, bool], tuple[Word, bool]], width: int) -> Word:
        key = ("sum", width, *(bit for word, minus in terms for bit in (*word, minus)))
        if key not in self.made:
            self.made[key] = [2 * (len(self.nets) + i) for i in range(width)]
            self.sums.append(_Sum(terms, len(self.nets)))
            self.nets += [("sum", (len(self.sums) - 1,))] * width
        return list(self.made[key])


def extended(word: Word, width: int, signed: bool) -> Word:
    return word[:width] + [word[-1] if signed and word else 0] * (width - len(word))


def _aligned(v: Word, w: Word, shift: int, width: int, signed: tuple[bool, bool]) -> tuple[Word, Word]:
    """Two words of ``width`` bits, the second one shifted up, or the first one where ``shift`` is negative."""
    return extended([0] * -shift + v, width, signed[0]), extended([0] * shift + w, width, signed[1])


def _signed_32(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


class _Values:
    """The words of a da4ml ``CombLogic``, operation by operation, as its Verilog computes them (``codegen/rtl/verilog``)."""

    def __init__(self, nets: Nets, logic: Any, inputs: Sequence[Word]) -> None:
        from da4ml.types import QInterval, minimal_kif

        self.nets, self.ops, self.inputs = nets, logic.ops, inputs
        self.formats = [minimal_kif(op.qint) for op in logic.ops]
        self.opposite = [sum(minimal_kif(QInterval(-op.qint.max, -op.qint.min, op.qint.step))) for op in logic.ops]
        self.negatives: dict[int, Word] = {}
        self.words: list[Word] = []
        for op, format, count in zip(logic.ops, self.formats, logic.ref_count):
            self.words.append(self._word(op, format) if count and sum(format) else [0] * sum(format))
        self.outputs = [[] if i < 0 else self._operand(i, bool(minus))[0] for i, minus in zip(logic.out_idxs, logic.out_negs)]

    def _operand(self, i: int, minus: bool) -> tuple[Word, bool]:
        """A word or its negative, and whether that can be negative."""
        word, interval = self.words[i], self.ops[i].qint
        if not minus:
            return word, interval.min < 0
        if i not in self.negatives:
            width = max(self.opposite[i], len(word))
            zero: Word = [0] * width
            total = self.nets.total(((zero, False), (extended(word, width, interval.min < 0), True)), width)
            self.negatives[i] = total[: self.opposite[i]]
        return self.negatives[i], interval.max > 0

    def _word(self, op: Any, format: Any) -> Word:
        nets, code, width, data = self.nets, op.opcode, sum(format), int(op.data)
        match abs(code) if code != -1 else code:
            case -1:
                return self.inputs[op.id0]
            case 0 | 1:
                a, b = self.formats[op.id0], self.formats[op.id1]
                pair = _aligned(self.words[op.id0], self.words[op.id1], data + a[2] - b[2], width, (a[0], b[0]))
                return nets.total(((pair[0], False), (pair[1], code == 1)), width)
            case 2 | 3:
                word, _ = self._operand(op.id0, code < 0)
                low = self.formats[op.id0][2] - format[2]
                kept = extended(word, low + width, True)[low:]
                return [nets.both(bit, word[-1] ^ 1) for bit in kept] if abs(code) == 2 and self.ops[op.id0].qint.min < 0 else kept
            case 4:
                a = self.formats[op.id0]
                constant = [abs(data) >> i & 1 for i in range(abs(data).bit_length())]
                pair = _aligned(self.words[op.id0], constant, a[2] - format[2], width, (a[0], False))
                return nets.total(((pair[0], False), (pair[1], data < 0)), width)
            case 5:
                return [data >> i & 1 for i in range(width)]
            case 6:
                a, b = self.formats[op.id0], self.formats[op.id1]
                up, down = format[2] - b[2] + _signed_32(data >> 32), format[2] - a[2]
                yes, no = _aligned(self.words[op.id0], self.words[op.id1], max(up, 0) - max(down, 0), width, (a[0], b[0]))
                if code < 0:
                    no = nets.total((([0] * width, False), (no, True)), width)
                return [nets.choose(self.words[data & 0xFFFFFFFF][-1], *bits) for bits in zip(yes, no)]
            case 9:
                word, _ = self._operand(op.id0, code < 0 and data != 1)
                if data == 0:
                    return [bit ^ 1 for bit in word]
                found = word[0]
                for bit in word[1:]:
                    found = nets.either(found, bit) if data == 1 else nets.both(found, bit)
                return [found]
            case 10:
                a, b = (self._operand(i, bool(data >> place & 1)) for i, place in ((op.id0, 32), (op.id1, 33)))
                shift = _signed_32(data) + self.formats[op.id0][2] - self.formats[op.id1][2]
                join = (nets.both, nets.either, nets.differ)[data >> 56 & 0xFF]
                return [join(*bits) for bits in zip(*_aligned(a[0], b[0], shift, width, (a[1], b[1])))]
        raise UnsupportedError(f"da4ml's operation {code} in an estimate", expected="sums, casts and multiplexers")


def laid_out(stages: Sequence[Any], registers: bool) -> tuple[Nets, list[Bit]]:
    """All stages with registers before, between and behind them, and the bits of the outputs."""
    from da4ml.types import minimal_kif

    nets = Nets()

    def kept(words: Iterable[Word]) -> list[Word]:
        return [[nets.one("register", bit) if registers and bit > 1 else bit for bit in word] for word in words]

    words = kept([nets.source() for _ in range(sum(minimal_kif(interval)))] for interval in stages[0].inp_qint)
    for stage in stages:
        words = kept(_Values(nets, stage, words).outputs)
    return nets, [bit for word in words for bit in word]


def nets_read(nets: Nets, outputs: Iterable[Bit]) -> set[int]:
    """Nets that outputs depend on; says of each sum how many of its bits are."""
    found: set[int] = set()
    left = [bit >> 1 for bit in outputs]
    while left:
        net = left.pop()
        if net in found:
            continue
        found.add(net)
        kind, of = nets.nets[net]
        if kind != "sum":
            left += [bit >> 1 for bit in of]
            continue
        total, top = nets.sums[of[0]], net - nets.sums[of[0]].first + 1
        left += [bit >> 1 for word, _ in total.terms for bit in word[total.live : top]]
        total.live = max(total.live, top)
    return found


def _trimmed(a: Word, b: Word) -> tuple[Word, Word, bool]:
    """Words without upper bits that only extend them, and whether those are extended by their sign (Yosys' ``wreduce``)."""

    def without(word: Word, last: Bit | None) -> Word:
        length = len(word)
        while length > 1 and word[length - 1] == (word[length - 2] if last is None else last):
            length -= 1
        return word[:length]

    plain, signed = (without(a, 0), without(b, 0)), (without(a, None), without(b, None))
    return (*signed, True) if len(signed[0]) + len(signed[1]) < len(plain[0]) + len(plain[1]) else (*plain, False)


def merged(nets: Nets, read: set[int], outputs: Iterable[Bit]) -> tuple[dict[int, list[Term]], dict[int, int]]:
    """Terms of each sum that stays, and how often each net is read.

    A sum that one other sum reads, and nothing else, is a part of that (Yosys' ``alumacc``).
    """
    readers: dict[int, int] = {}

    def count(bits: Iterable[Bit]) -> None:
        for bit in bits:
            readers[bit >> 1] = readers.get(bit >> 1, 0) + 1

    for net in read:
        if nets.nets[net][0] != "sum":
            count(nets.nets[net][1])
    count(outputs)
    found: dict[int, list[Term]] = {}
    for number, total in enumerate(nets.sums):
        if total.live:
            (a, minus_a), (b, minus_b) = total.terms
            a, b, signed = _trimmed(a[: total.live], b[: total.live])
            found[number] = [Term(a, signed, minus_a), Term(b, signed, minus_b)]
            count(a + b)
    for number in list(found):
        terms: list[Term] = []
        for term in found[number]:
            kind, of = nets.nets[term.bits[0] >> 1]
            other = nets.sums[of[0]] if kind == "sum" else None
            whole = [2 * (other.first + i) for i in range(other.live)] if other else []
            if term.bits == whole and max(readers[bit >> 1] for bit in whole) == 1:
                if len(whole) == nets.sums[number].live or not _overflows(found[of[0]], len(whole), term.signed):
                    terms += [Term(t.bits, t.signed, t.minus != term.minus) for t in found.pop(of[0])]
                    continue
            terms.append(term)
        found[number] = terms
    return found, readers


def _overflows(terms: Sequence[Term], width: int, signed: bool) -> bool:
    if any(t.signed != signed or (t.minus and not t.signed) for t in terms):
        return True
    return sum((1 << len(t.bits)) - 1 for t in terms).bit_length() > width


@dataclass
class Chain:
    """A carry chain: the first net of its results, what each position reads, and how many positions are needed."""

    first: int
    reads: list[tuple[Bit, Bit]]
    live: int = 0
