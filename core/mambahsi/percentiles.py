"""Exact percentiles of more numbers than fit into memory.

A percentile with linear interpolation lies between two neighbors in the sorted order. Those
two are found without sorting: numbers are mapped to unsigned integers in the same order, and
counted by their leading 16 bits; that tells which count the wanted rank falls into. Numbers
with these leading bits are then counted by their next 16 bits, and so on, until all bits are
known. Integers of up to 16 bits take one pass over the numbers, 32 bits take two, 64 bits
four, and memory holds counts only. This is selection by radix, most significant digit first
(Knuth, The Art of Computer Programming, volume 3, section 5.2.5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

DIGIT = 16
"""Bits counted at a time."""

_BINS = 2**DIGIT


def count_bytes(dtype: np.dtype[Any], percentages: Sequence[float]) -> int:
    """Memory that the counts of one list of numbers of a type take at most."""
    # Each percentile lies between two ranks, which may have counts of their own.
    groups = 1 if dtype.itemsize * 8 <= DIGIT else 2 * len(percentages)
    return groups * _BINS * 8


def percentiles(
    passes: Callable[[], Iterator[np.ndarray]],
    lists: int,
    length: int,
    dtype: np.dtype[Any],
    percentages: Sequence[float],
) -> np.ndarray:
    """Percentiles of several lists of numbers that are read side by side.

    Equal to ``numpy.percentile`` (method ``linear``) of the numbers as float64, bit for bit.

    Args:
        passes: Begins a pass over the numbers; yields parts of all lists, (lists, some), of
            type ``dtype`` and without NaN. Every pass gives the same.
        lists: Number of lists.
        length: Numbers in each list, at least one.
        dtype: Their type: integers, or floating point of 16, 32 or 64 bits.
        percentages: What to find, from 0 to 100.

    Returns:
        float64 (len(percentages), lists).
    """
    positions = [(length - 1) * (percentage / 100) for percentage in percentages]
    below = [min(math.floor(position), length - 1) for position in positions]
    ranks = sorted({*below, *(min(rank + 1, length - 1) for rank in below)})
    found = _ranked(passes, lists, dtype, ranks).astype(np.float64)
    result = np.empty((len(percentages), lists))
    for row, (position, rank) in enumerate(zip(positions, below, strict=True)):
        low = found[ranks.index(rank)]
        high = found[ranks.index(min(rank + 1, length - 1))]
        share = position - rank
        # The way numpy rounds: from the nearer of the two.
        if share < 0.5:
            result[row] = low + (high - low) * share
        else:
            result[row] = high - (high - low) * (1 - share)
        result[row] = np.where(high == low, low, result[row])
    return result


def _ranked(
    passes: Callable[[], Iterator[np.ndarray]],
    lists: int,
    dtype: np.dtype[Any],
    ranks: Sequence[int],
) -> np.ndarray:
    """The numbers at some places of each list's sorted order; (ranks, lists)."""
    bits = dtype.itemsize * 8
    prefixes = np.zeros((len(ranks), lists), dtype=np.uint64)
    left = np.repeat(np.array(ranks, dtype=np.int64)[:, None], lists, axis=1)
    for shift in range(max(bits - DIGIT, 0), -1, -DIGIT):
        digits = min(_BINS, 2**bits)
        # Ranks that agree so far share their counts.
        groups = [sorted(set(prefixes[:, i].tolist())) for i in range(lists)]
        counts = [np.zeros((len(group), digits), dtype=np.int64) for group in groups]
        for part in passes():
            for i, numbers in enumerate(part):
                keys = _ordered(numbers)
                for row, prefix in enumerate(groups[i]):
                    chosen = keys
                    if shift + DIGIT < bits:
                        chosen = keys[(keys >> (shift + DIGIT)) == prefix]
                    digit = (chosen >> shift) & (digits - 1)
                    counts[i][row] += np.bincount(digit.astype(np.intp), minlength=digits)
        for i in range(lists):
            sums = np.cumsum(counts[i], axis=1)
            for r in range(len(ranks)):
                row = groups[i].index(int(prefixes[r, i]))
                digit = int(np.searchsorted(sums[row], left[r, i], side="right"))
                left[r, i] -= sums[row, digit - 1] if digit else 0
                prefixes[r, i] = (int(prefixes[r, i]) << min(DIGIT, bits)) | digit
    return _numbers(prefixes, dtype)


def _ordered(numbers: np.ndarray) -> np.ndarray:
    """Unsigned integers in the same order as these numbers, of the same width."""
    unsigned = np.dtype(f"u{numbers.dtype.itemsize}")
    keys = np.ascontiguousarray(numbers).view(unsigned)
    top = unsigned.type(1 << (8 * unsigned.itemsize - 1))
    if numbers.dtype.kind == "u":
        return keys
    if numbers.dtype.kind == "i":
        return keys ^ top
    # IEEE 754: a positive number's bits are in order, a negative one's in reverse.
    return np.where(keys & top, ~keys, keys | top)


def _numbers(keys: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """The numbers that :func:`_ordered` turned into these, of any width."""
    unsigned = np.dtype(f"u{dtype.itemsize}")
    bits = keys.astype(unsigned)
    top = unsigned.type(1 << (8 * unsigned.itemsize - 1))
    if dtype.kind == "i":
        bits = bits ^ top
    elif dtype.kind == "f":
        bits = np.where(bits & top, bits ^ top, ~bits)
    return bits.view(dtype)
