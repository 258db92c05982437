"""How much stack an app uses along its deepest chain of calls, read off its machine code.

A call through a pointer may lead to any function whose address the app takes. A chain follows one such call,
into the deepest of them. What the operating system's own functions take on the app's stack is not known. So
the figure is what is needed at least.
"""

import bisect
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolchain.formats.thumb import Frame, frames
from toolchain.image import ElfInfo, Function, Image


@dataclass(frozen=True)
class Use:
    """A function and its bytes on the stack. In a chain: those above the next call, and how it was called."""

    name: str
    size: int
    by_pointer: bool = False


@dataclass(frozen=True)
class StackUse:
    """The deepest chain of calls, from the entry on, and the frames of all functions, largest first.

    Where it may be deeper than that, by names of functions: ``recursive`` ones lead back to themselves and
    are counted once, ``pointing`` ones are reached through a pointer and call through another, ``open`` ones
    have a frame whose size is only known when they run.
    """

    chain: tuple[Use, ...] = ()
    frames: tuple[Use, ...] = ()
    recursive: tuple[str, ...] = ()
    pointing: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Bytes of the chain."""
        return sum(use.size for use in self.chain)


@dataclass(frozen=True)
class _Way:
    """The deepest way on from a function: bytes in all, its own of them, and where it goes."""

    address: int
    total: int
    own: int
    next: "_Way | None" = None
    by_pointer: bool = False
    """Whether it goes there through a pointer."""

    def steps(self) -> "Iterator[tuple[_Way, bool]]":
        """Function by function, and whether it was called through a pointer."""
        way: _Way | None = self
        by_pointer = False
        while way is not None:
            yield way, by_pointer
            by_pointer = way.by_pointer
            way = way.next


_Graph = Mapping[int, Mapping[int, int]]
"""For each function the functions that it calls, and how much it has on the stack then."""


def stack_use(image: Image, elf: ElfInfo) -> StackUse:
    """Follow all calls from the app's entry on. Without functions in its symbol table, nothing is known."""
    found = {function.address: frame for function, frame in frames(elf.functions, image.segments)}
    entry = elf.entry & ~1
    if entry not in found:
        return StackUse()
    graph = _graph(elf.functions, found)
    taken = sorted(_taken(image, elf.functions, found))
    order, recursive = _callees_first(graph, [entry, *taken])
    direct = _deepest(graph, found, order, None)
    through = max((direct[address] for address in taken), key=lambda way: way.total, default=None)
    way = _deepest(graph, found, order, through)[entry]
    behind_pointers, _ = _callees_first(graph, taken)

    names = {function.address: function.name for function in elf.functions}
    all_frames = (Use(names[address], frame.depth) for address, frame in found.items())
    return StackUse(
        chain=tuple(Use(names[w.address], w.own, by_pointer) for w, by_pointer in way.steps()),
        frames=tuple(sorted(all_frames, key=lambda use: (-use.size, use.name))),
        recursive=tuple(sorted(names[a] for a in recursive)),
        pointing=tuple(sorted(names[a] for a in behind_pointers if found[a].by_pointer is not None)),
        open=tuple(sorted(names[a] for a in order if found[a].open)),
    )


def _graph(functions: Sequence[Function], found: Mapping[int, Frame]) -> _Graph:
    """Calls of functions in the image. Those of the operating system lie elsewhere."""
    starts = [function.address for function in functions]
    graph: dict[int, dict[int, int]] = {}
    for caller, frame in found.items():
        calls = graph.setdefault(caller, {})
        for goal, depth in frame.calls.items():
            index = bisect.bisect_right(starts, goal) - 1
            if index >= 0 and functions[index].runs and goal < functions[index].runs[-1][1]:
                calls[starts[index]] = max(depth, calls.get(starts[index], 0))
    return graph


def _taken(image: Image, functions: Sequence[Function], found: Mapping[int, Frame]) -> Collection[int]:
    """Functions whose address the app computes, or has among its constants."""
    numbers = {number for frame in found.values() for number in frame.numbers}
    runs = [run for function in functions for run in function.runs]
    starts = [start for start, _ in runs]
    for segment in image.segments:
        for offset in range(-segment.address % 4, len(segment.data) - 3, 4):
            address = segment.address + offset
            run = bisect.bisect_right(starts, address) - 1
            if run < 0 or address >= runs[run][1]:
                numbers.add(int.from_bytes(segment.data[offset : offset + 4], "little"))
    return {number & ~1 for number in numbers if number & 1 and number & ~1 in found}


def _callees_first(graph: _Graph, roots: Sequence[int]) -> tuple[list[int], set[int]]:
    """What can be reached, callees before callers but for recursion; and where recursion leads back to."""
    order: list[int] = []
    recursive: set[int] = set()
    done: set[int] = set()
    for root in roots:
        if root in done:
            continue
        path = {root: iter(graph[root])}
        while path:
            function, calls = next(reversed(path.items()))
            callee = next(calls, None)
            if callee is None:
                del path[function]
                done.add(function)
                order.append(function)
            elif callee in path:
                recursive.add(callee)
            elif callee not in done:
                path[callee] = iter(graph[callee])
    return order, recursive


def _deepest(
    graph: _Graph, found: Mapping[int, Frame], order: Sequence[int], through: _Way | None
) -> Mapping[int, _Way]:
    """The deepest way from each function on; a call through a pointer goes on with ``through``."""
    ways: dict[int, _Way] = {}
    for address in order:
        frame = found[address]
        best = _Way(address, frame.depth, frame.depth)
        for callee, depth in graph[address].items():
            # A callee that is not known yet leads back here.
            if callee in ways and depth + ways[callee].total > best.total:
                best = _Way(address, depth + ways[callee].total, depth, ways[callee])
        if through and frame.by_pointer is not None and frame.by_pointer + through.total > best.total:
            depth = frame.by_pointer
            best = _Way(address, depth + through.total, depth, through, by_pointer=True)
        ways[address] = best
    return ways
