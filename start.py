"""What ``./inv`` starts: the tasks from their byte code, and invoke without what no task of ours uses.

Half of what invoke imports is a mock library for the tests of others (with asyncio and TLS), a reader of YAML
for settings (tasks of ours have none), and a reader of its own version.
"""

import sys
from types import ModuleType

_UNUSED: dict[str, dict[str, object]] = {
    "unittest.mock": {"Mock": object},
    "importlib.metadata": {"version": lambda _package: ""},
    "invoke.vendor.yaml": {"safe_load": lambda _file: {}},
}
"""Modules that invoke imports, with what it takes out of them while it is imported."""


def import_invoke() -> None:
    """Import invoke while those modules are empty ones; who imports them later gets the real ones."""
    missing = [name for name in _UNUSED if name not in sys.modules]
    for name in missing:
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(_UNUSED[name])
    try:
        import invoke  # noqa: F401
    finally:
        for name in missing:
            del sys.modules[name]


if __name__ == "__main__":
    import_invoke()

    import tasks
    from toolchain import __version__, console

    console.main(tasks.namespace, __version__)
