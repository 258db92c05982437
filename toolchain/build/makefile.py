"""What make is told besides the app's makefile: to write down what it knows, and to ask nothing twice."""

from pathlib import Path

VARIABLES = (
    "API_LEVEL APPNAME APPVERSION APPVERSION_M APPVERSION_N APPVERSION_P APP_FLAGS_APP_LOAD_PARAMS "
    "APP_INSTALL_PARAMS_DATA APP_LOAD_PARAMS APP_SOURCE_FILES APP_SOURCE_PATH APP_STACK_MIN_SIZE "
    "APP_STACK_SIZE BIN_DIR CFLAGS CURVE_APP_LOAD_PARAMS CUSTOM_APP_FLAGS DBG_DIR DEBUG "
    "DEBUG_OS_STACK_CONSUMPTION DEBUG_OVER_USB DEFINES DEP_APP_LOAD_PARAMS ENABLE_NOCRC_APP_LOAD_PARAMS "
    "ENABLE_PENDING_REVIEW_SCREEN ENABLE_TESTING_SWAP GLYPH_FILES GLYPH_SRC_DIR HAVE_BOLOS_UX "
    "HAVE_LEGACY_PID ICONNAME ICON_HOME_NANO ICON_NANOSP ICON_NANOX LDFLAGS LDLIBS MAKEFILE_LIST "
    "PATH_APP_LOAD_PARAMS PATH_SLIP21_APP_LOAD_PARAMS PRODUCTION_BUILD SCRIPT_LD SDK_HASH SDK_NAME "
    "SDK_SOURCE_PATH SDK_VERSION STANDARD_APP_FLAGS TARGET TARGET_ID TARGET_NAME TARGET_VERSION "
    "TLVRAW_APP_LOAD_PARAMS USE_NBGL VARIANT_PARAM VARIANT_VALUES"
)
"""What make is asked for. Undefined ones are left out."""

ONCE = (
    "APP_FLAGS_APP_LOAD_PARAMS APP_PROTOC_FOUND APP_SRC_PROTOC INCLUDES_APP INCLUDES_PATH INCLUDES_PATH_APP "
    "SYSROOT WEBUSB_URL WEBUSB_URL_SIZE_B"
)
"""Variables of official SDKs in which a shell is asked what stays the same while make runs: where newlib is,
which headers there are. SDK 25 starts 1,670 ``find`` for its sample app, one by one, with always the same
answers. Each is asked when it is first needed, and remembered (docs/adr/0008-asked-once.md)."""

_LISTS = ("SOURCES_SDK", "SOURCES_APP", "OBJECTS_APP")
"""Lists of official SDKs that their makefiles append to once and expand often while they are read."""

AT_ONCE = tuple(f"--eval={name}:=" for name in _LISTS)
"""Arguments for make: what is appended to a list that is simply expanded, is expanded there and then."""

# No goal is given on the command line, so that MAKECMDGOALS is as empty as in a plain `make`, and what is
# printed and what is built cannot differ.
_TEXT = """\
.DEFAULT_GOAL := .toolchain
define TOOLCHAIN_ONCE
define TOOLCHAIN_ASK_$1
$(value $1)
endef
$1 = $$(eval $1 := $$$$(TOOLCHAIN_ASK_$1))$$($1)
endef
$(foreach name,{once},\\
  $(if $(and $(filter file.recursive,$(origin $(name)).$(flavor $(name))),\\
             $(filter-out %\\,$(lastword $(value $(name))))),$(eval $(call TOOLCHAIN_ONCE,$(name)))))
TOOLCHAIN_ELF := $(if $(BIN_DIR),$(BIN_DIR),build/$(TARGET)/bin)/app.elf
TOOLCHAIN_VARIANT := $(if $(VARIANT_PARAM),$($(VARIANT_PARAM)))
$(foreach name,{names} TOOLCHAIN_ELF TOOLCHAIN_VARIANT,\\
  $(if $(filter-out undefined,$(origin $(name))),$(file >{folder}/$(name),$($(name)))))
.PHONY: .toolchain
.toolchain: {goal}; @:
"""


def text(folder: Path, goal: str) -> str:
    """Its text: each of ``VARIABLES`` goes into a file in ``folder``, and ``goal`` (make syntax) is built."""
    return _TEXT.format(once=ONCE, names=VARIABLES, folder=folder, goal=goal)
