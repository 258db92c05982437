"""Machine code of Thumb functions: how much each one puts on the stack, and whom it calls from how deep.

Capstone decodes the instructions. They are followed along every way through a function, with what is known of
the registers: numbers, and addresses on the stack.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from capstone import CS_ARCH_ARM, CS_MODE_MCLASS, CS_MODE_THUMB, CS_MODE_V8, Cs, CsInsn
from capstone import arm_const as arm
from capstone.arm import ArmOp

from toolchain.image import Function, Segment

_WORD = 0xFFFF_FFFF
_VISITS = 8
"""How often an instruction is looked at anew because the stack was deeper; more is a loop that grows it."""

_CHANGED_BY_CALLS = (
    arm.ARM_REG_R0,
    arm.ARM_REG_R1,
    arm.ARM_REG_R2,
    arm.ARM_REG_R3,
    arm.ARM_REG_R12,
    arm.ARM_REG_LR,
)
_BRANCHES = (arm.ARM_INS_B, arm.ARM_INS_CBZ, arm.ARM_INS_CBNZ)
_CALLS = (arm.ARM_INS_BL, arm.ARM_INS_BLX, arm.ARM_INS_BX)
_TABLES = {arm.ARM_INS_TBB: 1, arm.ARM_INS_TBH: 2}
_SIGNS = {arm.ARM_INS_ADD: 1, arm.ARM_INS_ADDW: 1, arm.ARM_INS_SUB: -1, arm.ARM_INS_SUBW: -1}
_MOVES = (arm.ARM_INS_MOV, arm.ARM_INS_MOVW)
_LOADS = (arm.ARM_INS_LDM, arm.ARM_INS_POP, arm.ARM_INS_LDR)


@dataclass(frozen=True)
class Frame:
    """What one function has on the stack, in bytes below the stack pointer that it was entered with.

    ``calls`` maps addresses to how much lies there when they are called, at most; ``by_pointer`` is the same
    for calls whose goal is not known (None: there is none). ``numbers`` are those that the function computes,
    addresses of other functions among them. ``open`` means that it can be more than ``depth``: the size is
    only known when it runs, or a jump was not understood.
    """

    depth: int
    calls: Mapping[int, int]
    by_pointer: int | None
    numbers: frozenset[int]
    open: bool


class _OnStack(NamedTuple):
    """An address so many bytes below the first stack pointer; None where that is only known at run time."""

    depth: int | None


class _Other(Enum):
    """Values that are neither."""

    POPPED = 1


_Value = int | _OnStack | _Other | None


@dataclass
class _State:
    """What holds before an instruction: bytes on the stack, values of registers."""

    at: int
    depth: int = 0
    registers: dict[int, _Value] = field(default_factory=dict)

    def branch(self, to: int) -> "_State":
        return replace(self, at=to, registers=dict(self.registers))


def frames(functions: Sequence[Function], segments: Sequence[Segment]) -> Iterator[tuple[Function, Frame]]:
    """Each function with what it has on the stack. ``segments`` are the loaded bytes."""
    decoder = Cs(CS_ARCH_ARM, CS_MODE_THUMB | CS_MODE_MCLASS | CS_MODE_V8)
    decoder.detail = True
    decoder.skipdata = True
    for function in functions:
        instructions = {
            instruction.address: instruction
            for start, end in function.runs
            for instruction in decoder.disasm(_bytes(segments, start, end - start), start)
        }
        yield function, _Walk(instructions, segments).from_(function.address)


def _bytes(segments: Sequence[Segment], address: int, size: int) -> bytes:
    for segment in segments:
        if segment.address <= address < segment.end:
            start = address - segment.address
            return segment.data[start : start + size]
    return b""


class _Walk:
    """All ways through a function."""

    def __init__(self, instructions: Mapping[int, CsInsn], segments: Sequence[Segment]) -> None:
        self._instructions = instructions
        self._segments = segments
        self._depth = 0
        self._calls: dict[int, int] = {}
        self._by_pointer: int | None = None
        self._numbers: set[int] = set()
        self._open = False
        self._todo: list[_State] = []

    def from_(self, address: int) -> Frame:
        """Walk."""
        deepest: dict[int, int] = {}
        visits: dict[int, int] = {}
        self._todo.append(_State(address))
        while self._todo:
            state: _State | None = self._todo.pop()
            while state is not None and (state.at not in deepest or state.depth > deepest[state.at]):
                visits[state.at] = visits.get(state.at, 0) + 1
                if visits[state.at] > _VISITS:
                    self._open = True
                    break
                deepest[state.at] = state.depth
                state = self._step(state)
        return Frame(self._depth, self._calls, self._by_pointer, frozenset(self._numbers), self._open)

    def _step(self, state: _State) -> _State | None:
        """What holds after the instruction; None where this way ends. Other ways are left to do."""
        instruction = self._instructions.get(state.at)
        if instruction is None or instruction.id == arm.ARM_INS_UDF:
            return None  # behind a call that does not return
        if not instruction.id:
            self._open = True
            return None
        after = state.branch(state.at + instruction.size)
        conditional = instruction.cc not in (arm.ARM_CC_AL, arm.ARM_CC_INVALID)
        goes_on = self._execute(instruction, state, after)
        self._depth = max(self._depth, after.depth)
        if not conditional:
            return after if goes_on else None
        # Executed or not: the deeper stack holds, and no register is known to have changed.
        after.depth = max(state.depth, after.depth) if goes_on else state.depth
        after.registers = {r: v for r, v in after.registers.items() if state.registers.get(r) == v}
        return after

    def _execute(self, instruction: CsInsn, state: _State, after: _State) -> bool:
        """Change ``after``; whether the next instruction follows."""
        operands = instruction.operands
        if instruction.id in _BRANCHES:
            self._branch(operands[-1].imm & _WORD, state)
            return bool(instruction.id != arm.ARM_INS_B)
        if instruction.id in _CALLS:
            self._call(operands[0], state, leaves=instruction.id == arm.ARM_INS_BX)
            for register in _CHANGED_BY_CALLS:
                after.registers.pop(register, None)
            return bool(instruction.id != arm.ARM_INS_BX)
        if instruction.id in _TABLES:
            self._jump_by_table(state, _TABLES[instruction.id])
            return False
        written = instruction.regs_access()[1]
        value = self._result(instruction, state)
        for register in written:
            after.registers.pop(register, None)
        if instruction.id in _LOADS and arm.ARM_REG_SP in written:
            after.registers.update(dict.fromkeys(written, _Other.POPPED))
        if arm.ARM_REG_PC in written:
            self._write_pc(operands, value, instruction, state)
            return False
        if arm.ARM_REG_SP in written:
            return self._move_stack(instruction, value, state, after)
        if value is not None and operands and operands[0].type == arm.ARM_OP_REG:
            after.registers[operands[0].reg] = value
            if isinstance(value, int):
                self._numbers.add(value)
        return True

    # Where it goes on

    def _branch(self, to: int, state: _State) -> None:
        if to in self._instructions:
            self._todo.append(state.branch(to))
        else:
            self._note_call(to, state)

    def _note_call(self, to: int, state: _State) -> None:
        to &= ~1
        self._calls[to] = max(self._calls.get(to, 0), state.depth)

    def _call(self, operand: ArmOp, state: _State, *, leaves: bool) -> None:
        value = operand.imm & _WORD if operand.type == arm.ARM_OP_IMM else state.registers.get(operand.reg)
        if isinstance(value, int):
            self._note_call(value, state)
        elif not leaves or (operand.reg != arm.ARM_REG_LR and value is not _Other.POPPED):
            self._by_pointer = max(self._by_pointer or 0, state.depth)

    def _jump_by_table(self, state: _State, width: int) -> None:
        """Offsets, counted in halfwords, lie behind the instruction, up to the first place that they name."""
        start = state.at + 4
        entry, end = start, start + (1 << 16)
        while entry + width <= end and (raw := _bytes(self._segments, entry, width)):
            to = start + 2 * int.from_bytes(raw, "little")
            end = min(end, to)
            self._branch(to, state)
            entry += width

    def _write_pc(self, operands: Sequence[ArmOp], value: _Value, instruction: CsInsn, state: _State) -> None:
        returns = _base(instruction) == arm.ARM_REG_SP or any(
            o.type == arm.ARM_OP_REG and o.reg == arm.ARM_REG_LR for o in operands[1:]
        )
        if isinstance(value, int):
            self._branch(value & ~1, state)
        elif not returns:
            self._open = True

    # What registers hold

    def _move_stack(self, instruction: CsInsn, value: _Value, state: _State, after: _State) -> bool:
        operands = instruction.operands
        if instruction.id == arm.ARM_INS_PUSH:
            after.depth += 4 * len(operands)
        elif instruction.id == arm.ARM_INS_POP:
            after.depth -= 4 * len(operands)
        elif (
            instruction.writeback and operands[0].type == arm.ARM_OP_REG and operands[0].reg == arm.ARM_REG_SP
        ):
            sign = 1 if instruction.id == arm.ARM_INS_STMDB else -1
            after.depth += sign * 4 * (len(operands) - 1)
        elif instruction.writeback:
            after.depth = state.depth - _offset(operands)
        elif isinstance(value, _OnStack):
            self._open |= value.depth is None
            after.depth = state.depth if value.depth is None else value.depth
        else:
            return False  # the stack of another time, as in longjmp
        return True

    def _result(self, instruction: CsInsn, state: _State) -> _Value:
        """What the instruction puts into its first operand."""
        kind, operands = instruction.id, instruction.operands
        pc = state.at + 4
        if kind == arm.ARM_INS_LDR and _base(instruction) == arm.ARM_REG_PC and not operands[1].mem.index:
            raw = _bytes(self._segments, (pc & ~3) + operands[1].mem.disp, 4)
            return int.from_bytes(raw, "little") if len(raw) == 4 else None
        if any(o.type == arm.ARM_OP_MEM for o in operands) or len(operands) < 2:
            return None
        if kind == arm.ARM_INS_ADR:
            return int((pc & ~3) + operands[1].imm) & _WORD
        values = [_value(o, state, pc) for o in operands]
        if kind in _MOVES:
            return values[1]
        left, right = values[-2], values[-1]
        if kind in _SIGNS:
            return _sum(left, right, _SIGNS[kind])
        if isinstance(left, int) and isinstance(right, int):
            if kind == arm.ARM_INS_MOVT:
                return left & 0xFFFF | right << 16 & _WORD
            if kind == arm.ARM_INS_LSL:
                return left << (right & 0xFF) & _WORD
            if kind == arm.ARM_INS_RSB:
                return right - left & _WORD
        if kind == arm.ARM_INS_MVN and isinstance(right, int):
            return ~right & _WORD
        return _OnStack(None) if any(isinstance(v, _OnStack) for v in values[1:]) else None


def _base(instruction: CsInsn) -> int:
    """The register whose address is read from."""
    if instruction.id == arm.ARM_INS_POP:
        return int(arm.ARM_REG_SP)
    for operand in instruction.operands:
        if operand.type == arm.ARM_OP_MEM:
            return int(operand.mem.base)
    return int(instruction.operands[0].reg) if instruction.id == arm.ARM_INS_LDM else 0


def _offset(operands: Sequence[ArmOp]) -> int:
    """What a load or store with writeback adds to its base register."""
    if operands[-1].type == arm.ARM_OP_IMM:
        return int(operands[-1].imm)
    return int(next(o for o in operands if o.type == arm.ARM_OP_MEM).mem.disp)


def _value(operand: ArmOp, state: _State, pc: int) -> _Value:
    if operand.type == arm.ARM_OP_IMM:
        return int(operand.imm) & _WORD
    if operand.type != arm.ARM_OP_REG:
        return None
    if operand.reg == arm.ARM_REG_SP:
        return _OnStack(state.depth)
    if operand.reg == arm.ARM_REG_PC:
        return pc
    value = state.registers.get(operand.reg)
    if operand.shift.type and isinstance(value, int):
        return value << operand.shift.value & _WORD if operand.shift.type == arm.ARM_SFT_LSL else None
    return value


def _sum(left: _Value, right: _Value, sign: int) -> _Value:
    if isinstance(right, _OnStack) and sign > 0:
        left, right = right, left
    if isinstance(left, int) and isinstance(right, int):
        return left + sign * right & _WORD
    if not isinstance(left, _OnStack):
        return None
    if left.depth is None or not isinstance(right, int):
        return _OnStack(None)
    return _OnStack(left.depth - sign * (right if right < 1 << 31 else right - (1 << 32)))
