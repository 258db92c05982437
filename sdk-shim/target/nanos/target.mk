# generated from toolchain/targets/nanos.toml by toolchain/shim.py; do not edit
TARGET_NAME := TARGET_NANOS
TARGET_ID := 0x31100004
TARGET_VERSION := 2.1.0
API_LEVEL ?=
TARGET_CPU := cortex-m0plus
TARGET_RWPI :=
TARGET_BLE :=
TARGET_GRAPHICS := bagl
