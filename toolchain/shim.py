"""What ``sdk-shim/target/<name>/`` holds: linker script, header and make variables, generated from targets.

``python -m toolchain.shim`` rewrites the files; a test compares them with what this module makes. The
linker script lays an app out as SDK v25.13.0 and devices expect: code and constants, non-volatile data on
pages of its own, install parameters; RAM with variables, canary and stack.
"""

from collections.abc import Mapping
from pathlib import Path

from toolchain.target import Target, targets

FOLDER = Path(__file__).parent.parent / "sdk-shim" / "target"

_METADATA = (
    "target",
    "target_id",
    "target_name",
    "target_version",
    "app_name",
    "app_version",
    "api_level",
    "app_flags",
    "sdk_name",
    "sdk_version",
    "sdk_hash",
    "sdk_graphics",
)

_HEADER = "generated from toolchain/targets/{name}.toml by toolchain/shim.py; do not edit"

_LINKER_SCRIPT = """\
/* {header} */

MEMORY
{{
  FLASH (rx) : ORIGIN = {flash.origin:#010x}, LENGTH = {flash.length:#x}
  SRAM  (rw) : ORIGIN = {sram.origin:#010x}, LENGTH = {sram.length:#x}
}}

/* The OS maps flash readable and executable, RAM readable and writable: nothing is both. */
PHDRS
{{
  flash PT_LOAD FLAGS(5);
  ram PT_LOAD FLAGS(6);
}}

ENTRY(main)

PAGE_SIZE = {page_size};
STACK_MIN_SIZE = DEFINED(stack_min_size) ? stack_min_size : {stack_minimum};
END_STACK = ORIGIN(SRAM) + LENGTH(SRAM);

SECTIONS
{{
  .text :
  {{
    _text = .;
    _nvram_start = .;
    KEEP(*(.boot))
    *(.text .text.*)
    *(.rodata .rodata.[!N]* .rodata.N[!_]*)
    . = ALIGN(4);
    _etext = .;

    /* What the app writes lies on pages of its own. */
    . = ALIGN(PAGE_SIZE);
    _nvram_data = .;
    *(.storage_section)
    *(.rodata.N_* .bss.N_*)
    . = ALIGN(PAGE_SIZE);
    _envram_data = .;

    _install_parameters = .;
    KEEP(*(.install_parameters))
    _einstall_parameters = .;
    _nvram_end = .;
  }} > FLASH :flash

  .bss (NOLOAD) :
  {{
    _bss = .;
    *(.bss .bss.* COMMON)
    . = ALIGN(4);
    _ebss = .;
    app_stack_canary = .;
    . += 4;
    . = ALIGN(8);
    _stack = .;
    . = END_STACK;
    _estack = .;
  }} > SRAM :ram

  /* No one copies initial values into RAM: a variable that has one would start with rubbish. */
  .data (NOLOAD) :
  {{
    *(.data .data.* .data.rel.ro .data.rel.ro.* vtable)
  }} > SRAM :ram

  ASSERT(SIZEOF(.data) == 0, "initialised variables are not supported: make them const or assign at start")
  ASSERT(_ebss + 12 + STACK_MIN_SIZE <= END_STACK, "not enough RAM is left for the stack")

  .symtab 0 : {{ *(.symtab) }}
  .strtab 0 : {{ *(.strtab) }}
  .shstrtab 0 : {{ *(.shstrtab) }}
  .comment 0 : {{ *(.comment) }}
  .ARM.attributes 0 : {{ *(.ARM.attributes) }}
{metadata}
  /DISCARD/ :
  {{
    *(.ARM.exidx .ARM.exidx.* .ARM.extab .ARM.extab.*)
    *(.note.GNU-stack .note.gnu.build-id)
  }}
}}

_nvram = _nvram_start;
_envram = _nvram_end;
"""

_TARGET_HEADER = """\
/* {header} */
#pragma once

#ifndef {chip}
#define {chip}
#endif

#ifndef {sdk_define}
#define {sdk_define}
#endif

#ifndef TARGET_ID
#define TARGET_ID {id:#010x}
#endif

/* Entry of the library that the OS shares with apps. */
#define SHARED_TRAMPOLINE_ADDR {trampoline:#010x}

#ifndef BAGL_WIDTH
#define BAGL_WIDTH {screen.width}
#endif
#ifndef BAGL_HEIGHT
#define BAGL_HEIGHT {screen.height}
#endif
"""

_MAKE_VARIABLES = """\
# {header}
TARGET_NAME := {sdk_define}
TARGET_ID := {id:#010x}
TARGET_VERSION := {version}
API_LEVEL ?= {api_level}
TARGET_CPU := {cpu}
TARGET_RWPI := {rwpi}
TARGET_BLE := {ble}
TARGET_GRAPHICS := {graphics}
"""


def supported(target: Target) -> bool:
    """Whether the shim has drawing and I/O for the target: the devices with two buttons."""
    return not target.can("touch")


def render(target: Target) -> Mapping[str, str]:
    """The generated files of one target, by path below ``target/<sdk_name>/``."""
    values = {
        "header": _HEADER.format(name=target.name),
        "chip": target.chip,
        "sdk_define": target.sdk_define,
        "id": target.id,
        "flash": target.flash,
        "sram": target.sram,
        "screen": target.screen,
        "page_size": target.page_size,
        "stack_minimum": target.stack_minimum,
        "trampoline": target.trampoline,
        "version": target.version,
        "api_level": "" if target.api_level is None else target.api_level,
        "cpu": target.cpu,
        "rwpi": "1" if target.rwpi else "",
        "ble": "1" if target.can("ble") else "",
        "graphics": "nbgl" if target.can("nbgl") else "bagl",
        "metadata": "".join(f"  ledger.{n} 0 (INFO) : {{ KEEP(*(ledger.{n})) }}\n" for n in _METADATA),
    }
    files = {
        "script.ld": _LINKER_SCRIPT,
        "include/bolos_target.h": _TARGET_HEADER,
        "target.mk": _MAKE_VARIABLES,
    }
    rendered = {path: template.format_map(values) for path, template in files.items()}
    rendered["target.mk"] = "\n".join(line.rstrip() for line in rendered["target.mk"].splitlines()) + "\n"
    return rendered


def render_all() -> Mapping[str, str]:
    """The generated files of every supported target, by path below ``sdk-shim/target/``."""
    return {
        f"{target.sdk_name}/{path}": text
        for target in targets()
        if supported(target)
        for path, text in render(target).items()
    }


def main() -> None:
    """Write the files into the source tree."""
    for path, text in render_all().items():
        file = FOLDER / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
