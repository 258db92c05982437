"""Application flags."""

from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import MAKEFILE, good, with_elf
from toolchain.verify import Candidate, Severity

PIN = "HAVE_APPLICATION_FLAG_GLOBAL_PIN = 1"
TEMPLATE = "# See SDK `include/appflags.h` for the purpose of each permission"


def pin(folder: Path, *lines: str) -> Candidate:
    """An app with GLOBAL_PIN whose makefile ends with ``lines``, from line 16 on, and that checks a PIN."""
    candidate = good(folder, flags=0x40, makefile=MAKEFILE + "\n".join(lines) + "\n")
    return with_elf(candidate, symbols={"os_global_pin_check": 0xC0DE0101})


CASES = (
    fails("flags-known", "the system's own", lambda f: good(f, flags=0x8), "Makefile"),
    fails("flags-known", "without a name", lambda f: good(f, flags=0x80000), "Makefile"),
    passes("flags-known", "all that apps may have", lambda f: good(f, flags=0x20A50)),
    fails("flags-per-target", "Bluetooth without", lambda f: good(f, "nanox"), "Makefile:13"),
    passes("flags-per-target", "Bluetooth with", lambda f: good(f, "nanox", flags=0x200)),
    passes("flags-per-target", "no radio", lambda f: good(f, "nanosp")),
    fails("flags-justified", "no comment", lambda f: pin(f, PIN), "Makefile:16"),
    fails("flags-justified", "the template's", lambda f: pin(f, TEMPLATE, PIN), "Makefile:17"),
    fails("flags-justified", "a banner", lambda f: pin(f, "#######", "# Permissions #", PIN), "Makefile:18"),
    fails(
        "flags-justified",
        "switched off",
        lambda f: pin(f, "# HAVE_APPLICATION_FLAG_DERIVE_MASTER = 1", PIN),
        "Makefile:17",
    ),
    fails(
        "flags-justified",
        "a comment further up",
        lambda f: pin(f, "# The PIN is asked for again before a wipe", "", PIN),
        "Makefile:18",
    ),
    fails("flags-justified", "settings without a radio", lambda f: good(f, flags=0x200), "Makefile"),
    passes("flags-justified", "above", lambda f: pin(f, "# The PIN is asked for again before a wipe", PIN)),
    passes("flags-justified", "behind", lambda f: pin(f, f"{PIN}  # asked for again before a wipe")),
    passes("flags-justified", "Bluetooth", lambda f: good(f, "nanox", flags=0x200)),
    passes("flags-justified", "takes no privilege", lambda f: good(f, flags=0x20000)),
    fails(
        "flags-least-privilege",
        "asked for, not used",
        lambda f: good(f, flags=0x40, makefile=f"{MAKEFILE}{PIN}\n"),
        "Makefile:16",
    ),
    fails(
        "flags-least-privilege",
        "used, not asked for",
        lambda f: with_elf(good(f), symbols={"os_global_pin_check": 1}),
        "",
        Severity.ERROR,
    ),
    passes("flags-least-privilege", "both", lambda f: pin(f, PIN)),
    passes(
        "flags-least-privilege",
        "a call that is free",
        lambda f: with_elf(good(f), symbols={"os_global_pin_is_validated": 1}),
    ),
    fails("elf-syscalls", "the seed", lambda f: with_elf(good(f), symbols={"os_perso_set_seed": 1}), ""),
    passes(
        "elf-syscalls",
        "its own name",
        lambda f: with_elf(good(f), symbols={"os_registry_get_current_app_tag": 1}),
    ),
)
