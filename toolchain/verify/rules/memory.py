"""Code, data, variables and stack fit the device."""

from collections.abc import Iterator

from toolchain.verify.makefile import find
from toolchain.verify.model import Candidate, Problem, Severity, rule

_ROOMY = 16 * 1024
"""Bytes of RAM from which an app has no reason to run near the smallest stack."""


@rule(
    "elf-flash-budget",
    Severity.ERROR,
    reason="An image larger than the flash cannot be loaded; a large one leaves no room for other apps.",
    source="SDK linker scripts, MEMORY; loader protocol §9: pages",
    fix="remove code, or share it with a library app",
)
def elf_flash_budget(candidate: Candidate) -> Iterator[Problem]:
    """Code, data and parameters in whole pages, against the target's flash."""
    image, target = candidate.image, candidate.target
    pages = -(-image.span // target.page_size) * target.page_size
    if image.base < target.flash.origin or image.base + pages > target.flash.end:
        yield Problem(
            f"the image takes {image.base:#x} to {image.base + pages:#x}, "
            f"the flash is {target.flash.origin:#x} to {target.flash.end:#x}"
        )
    elif pages > target.flash.length // 2:
        yield Problem(
            f"the image takes {pages} bytes, more than half of the flash", severity=Severity.WARNING
        )


@rule(
    "elf-ram-budget",
    Severity.ERROR,
    reason="Variables and stack behind the end of the RAM are a fault at start, or someone else's memory.",
    source="SDK linker scripts, MEMORY",
    fix="make buffers smaller, or let them share memory",
)
def elf_ram_budget(candidate: Candidate) -> Iterator[Problem]:
    """Variables and stack, against the target's RAM."""
    elf, target = candidate.elf, candidate.target
    if elf.bss_size + elf.stack_size > target.sram.length:
        yield Problem(
            f"{elf.bss_size} bytes of variables and {elf.stack_size} of stack, "
            f"the RAM has {target.sram.length}"
        )
    for name in ("_bss", "_estack"):
        address = elf.symbols.get(name, target.sram.origin)
        if not target.sram.origin <= address <= target.sram.end:
            yield Problem(f"{name} is {address:#x}, outside of the RAM")


@rule(
    "elf-stack-budget",
    Severity.ERROR,
    reason="A stack that runs over overwrites the app's variables, keys among them.",
    source="SDK linker scripts, STACK_MIN_SIZE; Makefile.rules_generic: APP_STACK_MIN_SIZE",
    fix="make static buffers smaller; never lower APP_STACK_MIN_SIZE",
)
def elf_stack_budget(candidate: Candidate) -> Iterator[Problem]:
    """What is left for the stack: at least the target's minimum, and twice that where RAM is plenty."""
    left, target = candidate.elf.stack_size, candidate.target
    if left < target.stack_minimum:
        yield Problem(
            f"{left} bytes are left for the stack, {target.title} needs {target.stack_minimum}",
            find(candidate, "APP_STACK_MIN_SIZE"),
        )
    elif left < 2 * target.stack_minimum and target.sram.length >= _ROOMY:
        yield Problem(f"only {left} bytes are left for the stack", severity=Severity.WARNING)


@rule(
    "elf-data-empty",
    Severity.ERROR,
    reason="Nothing on the device copies initialised variables to RAM: they would start with garbage.",
    source="SDK linker scripts: .data is asserted to be empty",
    fix="initialise the variable in code, or make it const",
)
def elf_data_empty(candidate: Candidate) -> Iterator[Problem]:
    """No initialised variables."""
    symbols = candidate.elf.symbols
    size = max([s.size for s in candidate.elf.sections if s.name == ".data"], default=0)
    size = max(size, symbols.get("_edata", 0) - symbols.get("_data", 0))
    if size:
        yield Problem(f"{size} bytes of initialised variables")
