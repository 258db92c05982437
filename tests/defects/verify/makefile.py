"""Switches that do not belong into a release."""

import dataclasses
from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import CFLAGS, MAKEFILE, good
from toolchain.verify import Candidate


def line(folder: Path, text: str, **variables: str) -> Candidate:
    """A makefile with one more line, 16, and what make would then print."""
    return good(folder, makefile=f"{MAKEFILE}{text}\n", variables=variables)


def printing(folder: Path, variants: str) -> Candidate:
    """A makefile without the variables, whose own recipe prints the list."""
    makefile = MAKEFILE.replace("VARIANT_PARAM = COIN\nVARIANT_VALUES = SAMPLE\n", "")
    variables = {"VARIANT_PARAM": "", "VARIANT_VALUES": ""}
    recipe = f"listvariants:\n\t@echo VARIANTS {variants}\n"
    return good(folder, makefile=makefile + recipe, variables=variables)


def several(folder: Path, *, own: str = "", asked: str = "", **others: str) -> Candidate:
    """An app with three variants, of which the makefile chooses ``own``; what became of the others."""
    variables = {"VARIANT_VALUES": "A B C", **({"TOOLCHAIN_VARIANT": own} if own else {})}
    return dataclasses.replace(good(folder, variables=variables), variant=asked, variants=others)


CASES = (
    fails("variants-all-built", "none", several, "Makefile:12"),
    fails("variants-all-built", "one is missing", lambda f: several(f, own="A", B=""), "Makefile:12"),
    fails(
        "variants-all-built", "one fails", lambda f: several(f, own="A", B="", C="2 findings"), "Makefile:12"
    ),
    fails(
        "variants-all-built",
        "nobody knows which one was built",
        lambda f: several(f, own="D", B="", C=""),
        "Makefile:12",
    ),
    fails("variants-all-built", "by a recipe alone", lambda f: printing(f, "COIN A B"), "Makefile"),
    passes("variants-all-built", "one, by a recipe", lambda f: printing(f, "COIN A")),
    passes("variants-all-built", "all others", lambda f: several(f, own="A", B="", C="")),
    passes("variants-all-built", "all", lambda f: several(f, A="", B="", C="")),
    passes("variants-all-built", "one of the others", lambda f: several(f, asked="B")),
    passes("variants-all-built", "there is one only", good),
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
    passes("mk-variants", "printed by a recipe", lambda f: printing(f, "COIN A B")),
    fails("mk-variants", "nothing but the parameter is printed", lambda f: printing(f, "COIN"), "Makefile"),
    passes("mk-variants", "several", lambda f: good(f, variables={"VARIANT_VALUES": "A B-2 C_3"})),
    fails(
        "mk-goal-independent",
        "another path for who lists it",
        lambda f: line(f, 'ifeq ($(filter listparams,$(MAKECMDGOALS)),)\nPATH_APP_LOAD_PARAMS = ""\nendif'),
        "Makefile:17",
    ),
    fails(
        "mk-goal-independent",
        "in the other branch",
        lambda f: line(f, "ifeq ($(A),)\nelse ifdef CI\nelse\nDEFINES += A\nendif"),
        "Makefile:19",
    ),
    fails(
        "mk-goal-independent",
        "through a variable",
        lambda f: line(f, "WHO := $(shell whoami)\nNEXT = $(WHO)\nDEFINES += \\\n  NAME=$(NEXT)"),
        "Makefile:18",
    ),
    passes(
        "mk-goal-independent",
        "an error message",
        lambda f: line(f, "ifeq ($(filter clean,$(MAKECMDGOALS)),)\n$(error no coin)\nendif\nDEFINES += A"),
    ),
    passes(
        "mk-goal-independent",
        "a variable that changes nothing",
        lambda f: line(f, "ifdef CI\nREPORT = junit\nendif\nifeq ($(COIN),A)\nDEFINES += A\nendif"),
    ),
    fails(
        "mk-no-side-effects",
        "submodules",
        lambda f: line(f, "X := $(shell git submodule update --init)"),
        "Makefile:16",
    ),
    fails("mk-no-side-effects", "a download", lambda f: line(f, "X != curl -s a.b"), "Makefile:16"),
    fails(
        "mk-no-side-effects",
        "on the next line",
        lambda f: line(f, "X := $(shell cd a && \\\n  pip install b)"),
        "Makefile:16",
    ),
    passes("mk-no-side-effects", "a question", lambda f: line(f, "X := $(shell git describe --tags)")),
    passes("mk-no-side-effects", "a recipe", lambda f: line(f, "deps:\n\techo $(shell curl -s a.b)")),
    passes("mk-no-side-effects", "a text", lambda f: line(f, 'X := "install it with pip install b"')),
)
