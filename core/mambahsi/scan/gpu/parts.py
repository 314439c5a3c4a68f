"""How long sequences are worked off in parts of bounded size, and what memory that takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mambahsi.scan.gpu.tuning import CANDIDATES

SEGMENT = 2**15
"""Most rows of a part. At 256 channels, a float32 table of that many takes 34 MB."""

_FORWARD_TABLES, _BACKWARD_TABLES = 3.5, 15
"""Tables of (rows of a part, channels) that a Mamba block needs at once beside what comes in and
goes out. In the backward pass four of them are the states of every fourth token."""

_FLOAT = 4


def kept_bytes(rows: int, channels: int, states: int) -> int:
    """Bytes of what a Mamba block keeps of one sequence for its backward pass, but its tokens.

    With the shortest chunks that a card may be found to be fastest with: a quarter of a table.
    """
    return -(-rows // min(CANDIDATES["chunk"])) * channels * states * _FLOAT


def working_bytes(rows: int, channels: int, *, backward: bool) -> int:
    """Bytes that a Mamba block over so many rows needs beside what it takes, keeps and gives."""
    tables = _BACKWARD_TABLES if backward else _FORWARD_TABLES
    return int(tables * min(rows, SEGMENT) * channels * _FLOAT)


@dataclass(frozen=True)
class Part:
    """Some whole sequences, or a piece of one.

    Attributes:
        rows: Its rows in a table of all sequences.
        sequences: The numbers of its sequences.
        length: Tokens of each in this part.
        first: Whether it begins with the first token of its sequences.
        last: Whether it ends with the last one.
    """

    rows: slice
    sequences: slice
    length: int
    first: bool = True
    last: bool = True


def parts_of(sequences: int, length: int) -> Iterator[Part]:
    """Parts of sequences of one length, in the order of their tokens."""
    if length > SEGMENT:
        for number in range(sequences):
            for start in range(0, length, SEGMENT):
                stop = min(start + SEGMENT, length)
                rows = slice(number * length + start, number * length + stop)
                own = slice(number, number + 1)
                yield Part(rows, own, stop - start, start == 0, stop == length)
        return
    together = SEGMENT // max(1, length)
    for number in range(0, sequences, together):
        stop = min(number + together, sequences)
        if length:
            yield Part(slice(number * length, stop * length), slice(number, stop), length)
