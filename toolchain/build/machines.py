"""What ``--builder`` and ``--image`` name. Who builds on this machine imports no engine's client."""

from pathlib import Path
from typing import Literal, get_args

from toolchain.build.workplace import HOST, Machine
from toolchain.errors import ConfigError

Builder = Literal["auto", "container", "host"]
"""auto is a container where a builder image was made and an engine has it, else this machine."""

MADE = "builder.json"
"""Where a work folder notes the builder images that were made for it."""


def machine(builder: str, image: str, work: Path) -> Machine:
    """What make runs on. ``work`` is where a builder image was noted.

    Raises:
        ConfigError: no such builder, no engine, no such image, or one of another architecture.
    """
    if builder not in get_args(Builder):
        raise ConfigError(f"no builder is called {builder!r}", hint="choose auto, container or host")
    if image and builder == "host":
        raise ConfigError("an image is for a container", hint="leave out --builder host, or --image")
    if builder == "host" or (builder == "auto" and not image and not (work / MADE).is_file()):
        return HOST
    from toolchain.build.container import Container

    if image or builder == "container":
        return Container.find(image, work)
    try:
        return Container.find("", work)
    except ConfigError:
        return HOST
