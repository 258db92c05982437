"""System components that some tests need: how to find each, and the command that installs it."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Component:
    """Something that the lock files cannot install."""

    present: Callable[[], bool]
    install: str


def _program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def _root_with(*programs: str) -> Callable[[], bool]:
    return lambda: os.geteuid() == 0 and all(shutil.which(name) for name in programs)


def _engine() -> bool:
    """One that the caller names, or one that root can start for the tests."""
    return bool(os.environ.get("DOCKER_HOST")) or _root_with("dockerd")()


COMPONENTS = {
    "docker": Component(_engine, "apt-get install docker.io, and be root; or set DOCKER_HOST"),
    "dockerd": Component(_root_with("dockerd"), "apt-get install docker.io, and be root"),
    "docker-registry": Component(
        _root_with("dockerd", "docker-registry"), "apt-get install docker.io docker-registry, and be root"
    ),
    "podman": Component(
        _root_with("podman", "newuidmap", "setpriv", "unshare"), "apt-get install podman uidmap, and be root"
    ),
    "rootless-docker": Component(
        _root_with("dockerd", "rootlesskit", "newuidmap", "slirp4netns"),
        "apt-get install docker.io rootlesskit uidmap slirp4netns, and be root",
    ),
    "mmdebstrap": Component(_program("mmdebstrap"), "apt-get install mmdebstrap"),
    "ccache": Component(_program("ccache"), "apt-get install ccache"),
    "faketime": Component(_program("faketime"), "apt-get install faketime"),
    "cmocka": Component(
        lambda: _program("clang")() and _program("llvm-cov-14")() and Path("/usr/include/cmocka.h").exists(),
        "apt-get install clang libclang-rt-14-dev llvm-14 libcmocka-dev",
    ),
    "clang": Component(_program("clang"), "apt-get install clang libclang-rt-14-dev"),
    "cmake": Component(_program("cmake"), "apt-get install cmake"),
    "gcovr": Component(_program("gcovr"), "apt-get install gcovr"),
    "valgrind": Component(_program("valgrind"), "apt-get install valgrind"),
    "strace": Component(_program("strace"), "apt-get install strace"),
    "jq": Component(_program("jq"), "apt-get install jq"),
    "openssl": Component(_program("openssl"), "apt-get install openssl"),
    "softhsm": Component(_program("softhsm2-util"), "apt-get install softhsm2"),
    "qemu": Component(_program("qemu-arm-static", "qemu-arm"), "apt-get install qemu-user-static"),
    "clang-14": Component(
        lambda: _program("clang-14")() and _program("arm-none-eabi-gcc")(),
        "apt-get install clang-14 lld-14 llvm-14 gcc-arm-none-eabi libnewlib-arm-none-eabi",
    ),
}


def required() -> bool:
    """Whether a missing component is a failure: in CI it is."""
    return os.environ.get("CI", "") not in ("", "0", "false")
