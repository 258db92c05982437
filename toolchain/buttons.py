"""What a person does with a virtual device that is served: lines of text instead of buttons and a cable."""

from collections.abc import Callable, Mapping, Sequence

from toolchain.errors import ConfigError
from toolchain.virtual_device import Moment, VirtualDevice

Action = Callable[[VirtualDevice, Sequence[str]], str]
"""Does it to one device, and says what came of it."""

HELP = "unlock PIN, lock, quit (the app), restart, recovery (restart that way), cut COMMANDS [MOMENT]"


def _unlock(device: VirtualDevice, words: Sequence[str]) -> str:
    (pin,) = words or ("",)
    if device.unlock(pin):
        return "unlocked"
    return f"wrong PIN, {device.state.tries} tries left" if device.state.onboarded else "wrong PIN: wiped"


def _lock(device: VirtualDevice, _words: Sequence[str]) -> str:
    device.locked = True
    return "locked"


def _restart(device: VirtualDevice, _words: Sequence[str]) -> str:
    device.restart()
    return "restarted"


def _recovery(device: VirtualDevice, _words: Sequence[str]) -> str:
    device.restart(recovery=True)
    return "restarted in recovery mode"


def _quit(device: VirtualDevice, _words: Sequence[str]) -> str:
    device.handle(bytes.fromhex("b0a7000000"))
    return "in its menu"


def moment(name: str) -> Moment:
    """The moment of that name: before, unanswered or within-answer.

    Raises:
        ConfigError: no such moment.
    """
    found = {known.name.lower().replace("_", "-"): known for known in Moment}
    if name not in found:
        raise ConfigError(f"no moment is called {name!r}", hint=f"choose {', '.join(found)}")
    return found[name]


def _cut(device: VirtualDevice, words: Sequence[str]) -> str:
    count, *rest = words
    (when,) = rest or ("before",)
    device.cut_power(int(count), moment(when))
    return f"power will fail after {count} more commands"


_ACTIONS: Mapping[str, Action] = {
    "unlock": _unlock,
    "lock": _lock,
    "quit": _quit,
    "restart": _restart,
    "recovery": _recovery,
    "cut": _cut,
}


def press(devices: Sequence[VirtualDevice], line: str) -> str:
    """Do what ``line`` says to every one of ``devices``, and say what came of it.

    Raises:
        ConfigError: not something that can be done.
    """
    name, *words = line.split()
    action = _ACTIONS.get(name)
    try:
        if action is not None:
            return "; ".join([action(device, words) for device in devices])
    except ValueError as e:
        raise ConfigError(f"not understood: {name} with {len(words)} words", hint=HELP) from e
    raise ConfigError(f"a person cannot {name!r} a device", hint=HELP)
