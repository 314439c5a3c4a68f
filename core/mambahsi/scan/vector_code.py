"""Writing loops over vectors of numbers that are compiled when the program runs.

A kernel here is a Python function that describes a computation once, with objects that stand
for values: :class:`Vector`, sixteen float32 side by side, and :class:`Whole`, an integer.
Adding two of them does not compute anything; it writes an instruction down. Python loops
unroll what they contain, :meth:`Kernel.loop` writes a loop. What results is handed to LLVM
(see :mod:`mambahsi.scan.machine_code`), which turns sixteen lanes into one AVX-512
instruction or into two or four of what the processor has.

So a state of sixteen vectors stays in registers from one token to the next, which no compiler
of plain loops could be brought to do, and nothing but LLVM itself is needed on a user's
machine.

A kernel's tensors are :class:`Table` objects: rows of float32, a fixed number of elements
apart. Nothing checks their bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

LANES = 16
"""Numbers in a vector."""

HALF = LANES // 2
"""Numbers in half a vector, which some processors compute in half the time."""

ENTRY = "kernel"
"""Name of a kernel's function in its compiled code."""

_BIT = ir.IntType(1)
_INT32 = ir.IntType(32)
_INT64 = ir.IntType(64)
_FLOAT = ir.FloatType()
_POINTER = ir.PointerType()

FLOATS = ir.VectorType(_FLOAT, LANES)
INTS = ir.VectorType(_INT32, LANES)
"""What a vector is to LLVM, and whole numbers of 32 bits in its place."""

_HALF_FLOATS = ir.VectorType(_FLOAT, HALF)

_LOG2_E = 1.4426950408889634

# 2**f on [-0.5, 0.5] (minimax, relative error 1e-7 before rounding). The constant term is exactly
# 1 and the next one log(2), so that a decay near 1 carries no error that would add up over a long
# sequence.
_EXP2 = (1.0, 0.693147180559945, 0.24022282, 0.0555056, 0.00966971, 0.00133003)

# atanh(s) / s for s**2 in [0, 1/9], in powers of s**2 (minimax, relative error 5e-9).
_ATANH = (1.0, 0.33333208, 0.20010764, 0.14000903, 0.14005994)

# Adding and subtracting it rounds a float32 to a whole number, whose last bits it then shows.
_ROUNDER = 1.5 * 2**23

_SMALLEST_EXPONENT = -126.0
_LARGEST_EXPONENT = 126.0


class Whole:
    """An integer of 64 bits in a kernel: a row, a column, a count."""

    def __init__(self, kernel: Kernel, value: ir.Value) -> None:
        self.kernel = kernel
        self.value = value

    def __add__(self, other: Whole | int) -> Whole:
        return Whole(self.kernel, self.kernel.code.add(self.value, self.kernel.whole(other).value))

    def __sub__(self, other: Whole | int) -> Whole:
        return Whole(self.kernel, self.kernel.code.sub(self.value, self.kernel.whole(other).value))

    def __mul__(self, other: Whole | int) -> Whole:
        return Whole(self.kernel, self.kernel.code.mul(self.value, self.kernel.whole(other).value))

    def __floordiv__(self, other: Whole | int) -> Whole:
        """Quotient of numbers that are not negative."""
        return Whole(self.kernel, self.kernel.code.udiv(self.value, self.kernel.whole(other).value))

    def at_most(self, other: Whole | int) -> Whole:
        """The smaller of the two."""
        limit = self.kernel.whole(other).value
        below = self.kernel.code.icmp_signed("<", self.value, limit)
        return Whole(self.kernel, self.kernel.code.select(below, self.value, limit))


class Vector:
    """Sixteen float32 in a kernel."""

    def __init__(self, kernel: Kernel, value: ir.Value) -> None:
        self.kernel = kernel
        self.value = value

    def _with(self, instruction: str, other: Vector | float, *, turned: bool = False) -> Vector:
        pair = [self.value, self.kernel.vector(other).value]
        write = getattr(self.kernel.code, instruction)
        return Vector(self.kernel, write(*(reversed(pair) if turned else pair)))

    def __add__(self, other: Vector | float) -> Vector:
        return self._with("fadd", other)

    __radd__ = __add__

    def __sub__(self, other: Vector | float) -> Vector:
        return self._with("fsub", other)

    def __rsub__(self, other: Vector | float) -> Vector:
        return self._with("fsub", other, turned=True)

    def __mul__(self, other: Vector | float) -> Vector:
        return self._with("fmul", other)

    __rmul__ = __mul__

    def __truediv__(self, other: Vector | float) -> Vector:
        return self._with("fdiv", other)

    def __rtruediv__(self, other: Vector | float) -> Vector:
        return self._with("fdiv", other, turned=True)

    def times_plus(self, factor: Vector | float, summand: Vector | float) -> Vector:
        """``self * factor + summand`` in one instruction where the processor has it."""
        operands = [x.value for x in map(self.kernel.vector, (self, factor, summand))]
        return self.kernel.call("llvm.fmuladd.v16f32", *operands)

    def at_least(self, limit: float) -> Vector:
        """Numbers below the limit are raised to it; NaN stays NaN."""
        bound = self.kernel.vector(limit).value
        below = self.kernel.code.fcmp_ordered("<", self.value, bound)
        return Vector(self.kernel, self.kernel.code.select(below, bound, self.value))

    def at_most(self, limit: float) -> Vector:
        """Numbers above the limit are lowered to it; NaN stays NaN."""
        bound = self.kernel.vector(limit).value
        above = self.kernel.code.fcmp_ordered(">", self.value, bound)
        return Vector(self.kernel, self.kernel.code.select(above, bound, self.value))

    def magnitude(self) -> Vector:
        """Absolute value."""
        return self.kernel.call("llvm.fabs.v16f32", self.value)

    def exp2(self, *, decay: bool = False) -> Vector:
        """Two to the power of each number, limited to what a float32 holds.

        Args:
            decay: Whether all numbers are known to be at most 0, which saves an instruction.
        """
        code, x = self.kernel.code, self.at_least(_SMALLEST_EXPONENT)
        if not decay:
            x = x.at_most(_LARGEST_EXPONENT)
        rounded = x + _ROUNDER
        f = x - (rounded - _ROUNDER)
        power = self.kernel.vector(_EXP2[-1])
        for coefficient in _EXP2[-2::-1]:
            power = power.times_plus(f, coefficient)
        # The last bits of ``rounded`` are the whole number; added to the exponent of a float
        # they multiply by that power of two.
        exponent = code.shl(code.bitcast(rounded.value, INTS), ir.Constant(INTS, [23] * LANES))
        bits = code.add(code.bitcast(power.value, INTS), exponent)
        return Vector(self.kernel, code.bitcast(bits, FLOATS))

    def sigmoid(self) -> Vector:
        """1 / (1 + e^-x)."""
        return 1.0 / (1.0 + (self * -_LOG2_E).exp2())

    def softplus(self) -> Vector:
        """log(1 + e^x)."""
        # max(x, 0) + log1p(t) with t = e^-|x| in (0, 1], and log1p(t) = 2 atanh(t / (2 + t)).
        t = (self.magnitude() * -_LOG2_E).exp2(decay=True)
        s = t / (t + 2.0)
        q = s * s
        series = self.kernel.vector(_ATANH[-1])
        for coefficient in _ATANH[-2::-1]:
            series = series.times_plus(q, coefficient)
        return self.at_least(0.0) + 2.0 * s * series


class Variable:
    """A vector that changes, as in a loop. LLVM keeps it in a register where it can."""

    def __init__(self, kernel: Kernel, value: Vector | float) -> None:
        self.kernel = kernel
        self._slot = kernel.reserve(FLOATS)
        self.set(value)

    def get(self) -> Vector:
        return Vector(self.kernel, self.kernel.code.load(self._slot, typ=FLOATS))

    def set(self, value: Vector | float) -> None:
        self.kernel.code.store(self.kernel.vector(value).value, self._slot)

    def add(self, value: Vector) -> None:
        self.set(self.get() + value)


class HalfSum:
    """Eight float32 in a kernel that products are added to."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._slot = kernel.reserve(_HALF_FLOATS)
        kernel.code.store(ir.Constant(_HALF_FLOATS, [0.0] * HALF), self._slot)

    def add_product(self, factor: ir.Value, numbers: ir.Value) -> None:
        """Add a number in all lanes, times eight numbers."""
        total = self.kernel.code.load(self._slot, typ=_HALF_FLOATS)
        kind = ir.FunctionType(_HALF_FLOATS, [_HALF_FLOATS] * 3)
        add = self.kernel.function(f"llvm.fmuladd.v{HALF}f32", kind)
        self.kernel.code.store(self.kernel.code.call(add, [factor, numbers, total]), self._slot)

    def get(self) -> ir.Value:
        return self.kernel.code.load(self._slot, typ=_HALF_FLOATS)


class Table:
    """Rows of float32 in memory; a tensor of one dimension is a table of one row."""

    def __init__(self, kernel: Kernel, address: ir.Value, stride: ir.Value) -> None:
        self.kernel = kernel
        self._base = kernel.code.inttoptr(address, _POINTER)
        self._stride = Whole(kernel, stride)

    def _pointer(self, row: Whole | int, column: Whole | int, of: ir.Type = _FLOAT) -> ir.Value:
        place = self._stride * row + column
        return self.kernel.code.gep(self._base, [place.value], source_etype=of)

    def __getitem__(self, place: tuple[Whole | int, Whole | int]) -> Vector:
        """The vector that starts at a row and column."""
        pointer = self._pointer(*place)
        return Vector(self.kernel, self.kernel.code.load(pointer, typ=FLOATS, align=4))

    def __setitem__(self, place: tuple[Whole | int, Whole | int], value: Vector) -> None:
        self.kernel.code.store(value.value, self._pointer(*place), align=4)

    def add(self, row: Whole | int, column: Whole | int, value: Vector) -> None:
        """Add to the vector that is there."""
        self[row, column] = self[row, column] + value

    def everywhere(self, row: Whole | int, column: Whole | int) -> Vector:
        """One number of the table, in all lanes."""
        code = self.kernel.code
        number = code.load(self._pointer(row, column), typ=_FLOAT, align=4)
        return self.kernel.lanes(number)

    def half(self, row: Whole | int, column: Whole | int) -> ir.Value:
        """The half vector that starts at a row and column."""
        return self.kernel.code.load(self._pointer(row, column), typ=_HALF_FLOATS, align=4)

    def set_half(self, row: Whole | int, column: Whole | int, value: ir.Value) -> None:
        """Write half a vector."""
        self.kernel.code.store(value, self._pointer(row, column), align=4)

    def everywhere_half(self, row: Whole | int, column: Whole | int) -> ir.Value:
        """One number of the table, in all lanes of half a vector."""
        code = self.kernel.code
        number = code.load(self._pointer(row, column), typ=_FLOAT, align=4)
        nothing = ir.Constant(_HALF_FLOATS, ir.Undefined)
        single = code.insert_element(nothing, number, _INT32(0))
        first = ir.Constant(ir.VectorType(_INT32, HALF), [0] * HALF)
        return code.shuffle_vector(single, nothing, first)

    def whole(self, row: Whole | int, column: Whole | int) -> Whole:
        """One number of a table that holds int32."""
        code = self.kernel.code
        number = code.load(self._pointer(row, column, _INT32), typ=_INT32, align=4)
        return Whole(self.kernel, code.sext(number, _INT64))


class Kernel:
    """A kernel that is being written.

    Args:
        tables: Names of its tensors.
        numbers: Names of its integers, which come behind the tensors.
    """

    def __init__(self, tables: str, numbers: str) -> None:
        self.module = ir.Module()
        table_names, number_names = tables.split(), numbers.split()
        parameters = 2 * len(table_names) + len(number_names)
        kind = ir.FunctionType(ir.VoidType(), [_INT64] * parameters)
        self._function = ir.Function(self.module, kind, ENTRY)
        self._entry = self._function.append_basic_block("entry")
        self._body = self._function.append_basic_block("body")
        self.code = ir.IRBuilder(self._body)
        self._called: dict[str, ir.Function] = {}
        arguments = list(self._function.args)
        self._tables = {
            table: Table(self, arguments[2 * i], arguments[2 * i + 1])
            for i, table in enumerate(table_names)
        }
        self._numbers = {
            number: Whole(self, arguments[2 * len(table_names) + i])
            for i, number in enumerate(number_names)
        }

    def tables(self) -> list[Table]:
        """The tensors, in the order in which they were named."""
        return list(self._tables.values())

    def numbers(self) -> list[Whole]:
        """The integers, in the order in which they were named."""
        return list(self._numbers.values())

    def vector(self, value: Vector | float) -> Vector:
        """A number in all lanes, or the vector itself."""
        if isinstance(value, Vector):
            return value
        return Vector(self, ir.Constant(FLOATS, [float(value)] * LANES))

    def numbers_of(self, values: Sequence[float]) -> Vector:
        """Sixteen numbers, one in each lane."""
        return Vector(self, ir.Constant(FLOATS, list(values)))

    def whole(self, value: Whole | int) -> Whole:
        """An integer as a value of the kernel."""
        return value if isinstance(value, Whole) else Whole(self, _INT64(value))

    def lanes(self, number: ir.Value) -> Vector:
        """A float32 in all lanes."""
        nothing = ir.Constant(FLOATS, ir.Undefined)
        single = self.code.insert_element(nothing, number, _INT32(0))
        first = ir.Constant(INTS, [0] * LANES)
        return Vector(self, self.code.shuffle_vector(single, nothing, first))

    def spread(self, number: Whole) -> Vector:
        """An integer as a float32 in all lanes."""
        return self.lanes(self.code.sitofp(number.value, _FLOAT))

    def reserve(self, kind: ir.Type) -> ir.Value:
        """Room for a variable."""
        entry = ir.IRBuilder(self._entry)
        entry.position_at_start(self._entry)
        return entry.alloca(kind)

    def call(self, intrinsic: str, *operands: ir.Value) -> Vector:
        """An operation on vectors that LLVM knows by name."""
        kind = ir.FunctionType(FLOATS, [operand.type for operand in operands])
        return Vector(self, self.code.call(self.function(intrinsic, kind), operands))

    def function(self, intrinsic: str, kind: ir.FunctionType) -> ir.Function:
        """The same as a function."""
        if intrinsic not in self._called:
            self._called[intrinsic] = ir.Function(self.module, kind, intrinsic)
        return self._called[intrinsic]

    @contextmanager
    def loop(self, start: Whole | int, stop: Whole | int) -> Iterator[Whole]:
        """Repeat what is written inside for every number from ``start`` to before ``stop``."""
        code, slot = self.code, self.reserve(_INT64)
        code.store(self.whole(start).value, slot)
        head, inside, behind = (self._function.append_basic_block() for _ in range(3))
        code.branch(head)
        code.position_at_end(head)
        index = code.load(slot, typ=_INT64)
        code.cbranch(code.icmp_signed("<", index, self.whole(stop).value), inside, behind)
        code.position_at_end(inside)
        yield Whole(self, index)
        code.store(code.add(index, _INT64(1)), slot)
        code.branch(head)
        code.position_at_end(behind)

    @contextmanager
    def when_positive(self, number: Whole) -> Iterator[None]:
        """Do what is written inside only if a number is above 0."""
        with self.code.if_then(self.code.icmp_signed(">", number.value, _INT64(0))):
            yield

    def choose(self, number: Whole) -> Any:
        """Two contexts: what is written in the first is done if a number is above 0, else the
        second."""
        return self.code.if_else(self.code.icmp_signed(">", number.value, _INT64(0)))

    def text(self) -> str:
        """The finished kernel in LLVM's language. Nothing can be added behind it."""
        self.code.ret_void()
        ir.IRBuilder(self._entry).branch(self._body)
        # A kernel's variables take more than a page of the stack where registers are few. Windows
        # compilers then call a function of their runtime library, which is not linked here. And
        # they must lie on whole lines of the cache: beside them a scan takes a quarter longer, in
        # whichever process the stack happens to begin so.
        plain = "\n{\n"
        return str(self.module).replace(plain, f' alignstack(64) "no-stack-arg-probe"{plain}', 1)


class LaneSums:
    """Adds up the lanes of each of up to sixteen vectors; sum i comes to stand in lane i.

    Two vectors become one whose lanes hold half-way sums of both, in turn. Vectors are joined
    as soon as there are two of the same stage, so that few have to be held at a time.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._count = 0
        self._waiting: list[tuple[int, ir.Value]] = []

    def append(self, vector: Vector) -> None:
        """Take the next vector."""
        self._count += 1
        value, width = vector.value, 1
        while self._waiting and self._waiting[-1][0] == width:
            value = self._joined(self._waiting.pop()[1], value, width)
            width *= 2
        self._waiting.append((width, value))

    def _joined(self, first: ir.Value, second: ir.Value, width: int) -> ir.Value:
        code = self.kernel.code
        lower = [
            side + lane + place
            for lane in range(0, LANES, 2 * width)
            for side in (0, LANES)
            for place in range(width)
        ]
        upper = [number + width for number in lower]
        masks = (ir.Constant(INTS, lower), ir.Constant(INTS, upper))
        return code.fadd(*(code.shuffle_vector(first, second, mask) for mask in masks))

    def total(self) -> Vector:
        """The sums; lanes for which there was no vector hold 0."""
        while self._count < LANES:
            self.append(self.kernel.vector(0.0))
        return Vector(self.kernel, self._waiting[0][1])
