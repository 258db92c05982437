# generated from toolchain/targets/nanox.toml by toolchain/shim.py; do not edit
TARGET_NAME := TARGET_NANOX
TARGET_ID := 0x33000004
TARGET_VERSION :=
API_LEVEL ?= 25
TARGET_CPU := cortex-m3
TARGET_RWPI := 1
TARGET_BLE := 1
TARGET_GRAPHICS := nbgl
