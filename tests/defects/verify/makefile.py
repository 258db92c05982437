"""Switches that do not belong into a release."""

from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import CFLAGS, MAKEFILE, good
from toolchain.verify import Candidate


def line(folder: Path, text: str, **variables: str) -> Candidate:
    """A makefile with one more line, 16, and what make would then print."""
    return good(folder, makefile=f"{MAKEFILE}{text}\n", variables=variables)


CASES = (
    fails("mk-no-debug", "DEBUG", lambda f: line(f, "DEBUG = 1", DEBUG="1"), "Makefile:16"),
    fails(
        "mk-no-debug", "over USB", lambda f: line(f, "DEBUG_OVER_USB=1", DEBUG_OVER_USB="1"), "Makefile:16"
    ),
    fails(
        "mk-no-debug",
        "PRINTF",
        lambda f: line(f, "DEFINES += HAVE_PRINTF", DEFINES="HAVE_PRINTF PRINTF=mcu_usb_printf"),
        "Makefile:16",
    ),
    fails("mk-no-debug", "a PRINTF of its own", lambda f: good(f, defines=("PRINTF=my_printf",)), "Makefile"),
    passes("mk-no-debug", "an SDK without the macro", lambda f: good(f, variables={"DEFINES": ""})),
    fails(
        "mk-no-debug",
        "not optimised",
        lambda f: line(f, "CFLAGS += -O0", CFLAGS=f"{CFLAGS} -O0"),
        "Makefile:16",
    ),
    fails(
        "mk-no-debug",
        "debug information",
        lambda f: line(f, "CFLAGS += -g3", CFLAGS=f"{CFLAGS} -g3"),
        "Makefile:16",
    ),
    fails(
        "mk-no-debug",
        "not for production",
        lambda f: line(f, "PRODUCTION_BUILD=0", PRODUCTION_BUILD="0"),
        "Makefile:16",
    ),
    passes("mk-no-debug", "commented out", lambda f: line(f, "#DEBUG = 1")),
    passes("mk-no-debug", "another macro with PRINTF in it", lambda f: good(f, defines=("HAVE_SPRINTF",))),
    fails(
        "mk-no-test-switches",
        "a test key",
        lambda f: good(
            f, defines=("HAVE_CAL_TEST_KEY",), makefile=f"{MAKEFILE}DEFINES += HAVE_CAL_TEST_KEY\n"
        ),
        "Makefile:16",
    ),
    fails(
        "mk-no-test-switches",
        "the swap test",
        lambda f: line(f, "ENABLE_TESTING_SWAP = 1", ENABLE_TESTING_SWAP="1"),
        "Makefile:16",
    ),
    passes(
        "mk-no-test-switches", "a word that contains one", lambda f: good(f, defines=("HAVE_ATTESTATION",))
    ),
    fails(
        "mk-no-deprecated",
        "the old review screen",
        lambda f: line(f, "ENABLE_PENDING_REVIEW_SCREEN = 1", ENABLE_PENDING_REVIEW_SCREEN="1"),
        "Makefile:16",
    ),
    fails(
        "mk-no-deprecated",
        "parameters as a text",
        lambda f: line(f, "APP_LOAD_PARAMS += --appFlags 0xa00", APP_LOAD_PARAMS="--appFlags 0xa00"),
        "Makefile:16",
    ),
    passes("mk-no-deprecated", "set by the SDK", lambda f: good(f, variables={"SCRIPT_LD": "script.ld"})),
    fails("mk-variants", "none", lambda f: good(f, variables={"VARIANT_VALUES": ""}), "Makefile:12"),
    fails("mk-variants", "twice", lambda f: good(f, variables={"VARIANT_VALUES": "A B A"}), "Makefile:12"),
    fails("mk-variants", "odd", lambda f: good(f, variables={"VARIANT_VALUES": "../A"}), "Makefile:12"),
    passes("mk-variants", "several", lambda f: good(f, variables={"VARIANT_VALUES": "A B-2 C_3"})),
)
