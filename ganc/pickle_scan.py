"""Looks at the instructions of a pickle before anything executes them.

Python's unpickler, and PyTorch's, end the process over a tuple that is nested deeply and then
hashed, and allocate what an instruction asks for. So nesting, number and size of everything are
limited here first, by following the stack that the instructions would build.
"""

import io
import pickletools
from typing import Any

OPCODES = 1_000_000
"""Instructions; a checkpoint of a thousand tensors has fifty thousand."""
DEPTH = 100
"""Of what is nested; a checkpoint with its optimiser has about ten."""
TEXT = 65_536
"""Bytes of a text, a name or a number."""
TUPLE = 64
"""Items of a tuple; numpy and PyTorch allow no more axes."""

_MARK = None


class _Value:
    """What stands on the stack: its depth, all that it holds, and whether it stands in another."""

    __slots__ = ("depth", "placed", "size")

    def __init__(self, depth: int, size: int):
        self.depth, self.size, self.placed = depth, size, False


_CHANGING = {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"}


def scan(file: io.BytesIO) -> None:
    """Reads one pickle from where `file` stands up to its end, and executes nothing.

    Raises:
        ValueError: it is damaged, or more than a checkpoint needs.
    """
    stack: list[_Value | None] = []
    memo: dict[int, _Value] = {}
    start = file.tell()
    for count, (opcode, argument, position) in enumerate(pickletools.genops(file)):
        if count >= OPCODES:
            raise ValueError(f"it has more than {OPCODES:,} instructions")
        name = opcode.name
        _check_argument(argument)
        if name == "MARK":
            stack.append(_MARK)
        elif name.endswith("PUT") or name == "MEMOIZE":
            slot = len(memo) if name == "MEMOIZE" else argument
            # The memo grows to the largest slot named: without this, five bytes take 30 GB.
            if slot > (position or 0) - start + 1:
                raise ValueError(f"it refers to slot {slot} of the pickle's memo")
            memo[slot] = _top(stack)
        elif name.endswith("GET"):
            stack.append(memo[argument])
        elif name == "DUP":
            stack.append(_top(stack))
        elif name not in ("PROTO", "FRAME", "STOP"):
            _apply(opcode, stack)


def _apply(opcode: Any, stack: list[_Value | None]) -> None:
    taken = _take(opcode, stack)
    if opcode.name == "TUPLE" and len(taken) > TUPLE:
        raise ValueError(f"it has a tuple of {len(taken):,} items, at most {TUPLE} are admitted")
    container, inside = (taken[0], taken[1:]) if opcode.name in _CHANGING else (None, taken)
    depth = 1 + max((item.depth for item in inside), default=0)
    size = 1 + sum(item.size for item in inside)
    if depth > DEPTH:
        raise ValueError(f"it is nested more than {DEPTH} deep")
    # A pair of a pair of a pair ... of the same thing: little to read, endless to walk through.
    if size > OPCODES:
        raise ValueError(f"it amounts to more than {OPCODES:,} values")
    for item in inside:
        item.placed = True
    if container is None:
        stack.extend(_Value(depth, size) for _ in opcode.stack_after)
        return
    if container.placed and inside:  # what it stands in would be deeper than it was found to be
        raise ValueError("it changes what already stands inside of something else")
    container.depth = max(container.depth, depth)
    container.size += size
    stack.append(container)


def _take(opcode: Any, stack: list[_Value | None]) -> list[_Value]:
    """What an instruction takes off the stack, the lowest first; a mark goes with it."""
    before, taken = [item.name for item in opcode.stack_before], []
    fixed = before.index("mark") if "mark" in before else len(before)
    if opcode.name == "POP" and stack[-1:] == [_MARK]:
        before, fixed = ["mark"], 0
    if "mark" in before:
        while (item := stack.pop()) is not _MARK:
            taken.append(item)
    for _ in range(fixed):
        if (item := stack.pop()) is _MARK:
            raise ValueError(f"its instruction {opcode.name} takes a mark for a value")
        taken.append(item)
    return taken[::-1]


def _check_argument(argument: Any) -> None:
    if isinstance(argument, str | bytes | bytearray) and len(argument) > TEXT:
        raise ValueError(f"it has a text of {len(argument):,} bytes, at most {TEXT:,} are admitted")
    if isinstance(argument, int) and argument.bit_length() > 128:
        raise ValueError(f"it has a number of {argument.bit_length():,} bits")


def _top(stack: list[_Value | None]) -> _Value:
    if not stack or (top := stack[-1]) is _MARK:
        raise ValueError("its instructions remember what is not there")
    return top
