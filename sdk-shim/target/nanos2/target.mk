# generated from toolchain/targets/nanosp.toml by toolchain/shim.py; do not edit
TARGET_NAME := TARGET_NANOS2
TARGET_ID := 0x33100004
TARGET_VERSION :=
API_LEVEL ?= 25
TARGET_CPU := cortex-m35p+nodsp
TARGET_RWPI := 1
TARGET_BLE :=
TARGET_GRAPHICS := nbgl
