"""Findings as a person, a script, a code-scanning view or a CI reads them. Pure: nothing is written.

A report is about one or several subjects, which are an app for a target, in the order in which they ran.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from toolchain.errors import ConfigError
from toolchain.verify.model import Finding
from toolchain.verify.policy import Policy


@dataclass(frozen=True)
class Subject:
    """An app for a target, and what was found in it; ``error`` says why it could not be looked at.

    ``target`` is the name of the target, ``title`` that of the device.
    """

    app: str
    target: str
    title: str
    findings: tuple[Finding, ...]
    error: str = ""


Renderer = Callable[[Sequence[Subject], Policy, str], str]
"""Subjects, the policy that judged them and this product's version → the text of a file."""


def renderer(name: str) -> Renderer:
    """What writes the file of that name; its ending says in which format.

    Raises:
        ConfigError: an ending that stands for none.
    """
    ending = PurePath(name).suffix.lower()
    if ending not in _FORMATS:
        raise ConfigError(
            f"no report format ends in {ending or 'nothing'!r}",
            hint=f"end the file's name in one of: {', '.join(_FORMATS)}",
            where=name,
        )
    return _FORMATS[ending]


# Imported when used: templates and XML are not for a run that writes no such file.
def _html(subjects: Sequence[Subject], policy: Policy, version: str) -> str:
    from toolchain.verify.report.html import to_html

    return to_html(subjects, policy, version)


def _sarif(subjects: Sequence[Subject], policy: Policy, version: str) -> str:
    from toolchain.verify.report.sarif import to_sarif

    return to_sarif(subjects, policy, version)


def _junit(subjects: Sequence[Subject], policy: Policy, version: str) -> str:
    from toolchain.verify.report.junit import to_junit

    return to_junit(subjects, policy, version)


def _json(subjects: Sequence[Subject], policy: Policy, version: str) -> str:
    from toolchain.verify.report.plain import to_json

    return to_json(subjects, policy, version)


_FORMATS: Mapping[str, Renderer] = {".sarif": _sarif, ".html": _html, ".xml": _junit, ".json": _json}
