"""How much of a state is left after a step: most of what a scan computes.

A decay is 2**x with x = step size x rate, at most 0. Everywhere it can be a polynomial. Where
sixteen numbers fit a register (AVX-512) and one instruction picks from a table of 32, x is
instead rounded to n, a multiple of 1/32, and 2**n comes from the table. What remains, f = x - n,
is so small that a parabola does for 2**f. Written as s ((f + a)**2 + b) it costs one
multiplication, s being a factor of all that is in the table. So of the multiplications, which
are what a processor can do fewest of, there are three instead of six.

The relative error is at most 7e-7 (the polynomial's is 2e-7) besides what rounding x brings, and
2**0 is exactly 1, so that a decay near 1 carries no error that would add up over a long sequence.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from mambahsi.scan.vector_code import FLOATS, INTS, LANES, Vector

_FRACTION_BITS = 5
_ENTRIES = 2**_FRACTION_BITS
_EXPONENT_PLACE = 23
_SHIFT = _EXPONENT_PLACE - _FRACTION_BITS

# Adding it rounds to a multiple of 1/32, whose last bits the sum then shows.
_ROUNDER = 1.5 * 2**_SHIFT

# s = log(2)**2 / 2 and 2 a s = log(2) are the curvature and the slope of 2**f at 0, where slow
# decays are; b is such that s (a**2 + b) is 1 after rounding.
_A = 1.442695
_S = 0.2402265
_B = 2.081368923187256

# Anything smaller is so close to 0 that its own smallness does not matter; the table's numbers
# must stay normal.
_SMALLEST = -120.0


def decay_of(step: Vector, rate: Vector, *, wide: bool) -> Vector:
    """Two to the power of ``step * rate``, which is at most 0 and above -1e15.

    Args:
        step: Step sizes.
        rate: Rates, times log2(e).
        wide: Whether the processor has AVX-512.
    """
    return _by_table(step, rate) if wide else (step * rate).exp2(decay=True)


def _by_table(step: Vector, rate: Vector) -> Vector:
    kernel, code = step.kernel, step.kernel.code
    x = step * rate
    # Positive floats are in the order of their bits, and more units of a processor compare
    # integers. NaN stays NaN, for a remainder of it is.
    bits = code.bitcast((x + _ROUNDER).value, INTS)
    least = ir.Constant(INTS, [int(np.float32(_ROUNDER + _SMALLEST).view(np.int32))] * LANES)
    bits = code.select(code.icmp_signed(">", bits, least), bits, least)
    rounded = Vector(kernel, code.bitcast(bits, FLOATS)) - _ROUNDER
    shifted = (x - rounded) + _A
    parabola = shifted.times_plus(shifted, _B)
    halves = [kernel.numbers_of(_TABLE[i : i + LANES]).value for i in (0, LANES)]
    found = kernel.call("llvm.x86.avx512.vpermi2var.ps.512", halves[0], bits, halves[1])
    exponent = code.shl(bits, ir.Constant(INTS, [_SHIFT] * LANES))
    power = code.add(code.bitcast(found.value, INTS), exponent)
    return parabola * Vector(kernel, code.bitcast(power, FLOATS))


def _table() -> list[float]:
    """For each fraction that the last bits can show, s 2**fraction.

    The shifted bits add the fraction to the exponent's field, and to the mantissa's what is taken
    off here.
    """
    numbers = np.arange(_ENTRIES, dtype=np.int32)
    powers = (_S * np.exp2(numbers / _ENTRIES)).astype(np.float32)
    bits = powers.view(np.int32) - (numbers << _SHIFT)
    return [float(number) for number in bits.view(np.float32)]


_TABLE = _table()
