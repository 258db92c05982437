import io
import json

import pytest
from rich.console import Console

from tests.unit.verify.candidates import TODAY
from toolchain.app import Waiver
from toolchain.verify import RULES, Finding, Location, Severity
from toolchain.verify.report import summary, to_json, to_sarif, to_terminal

ERROR = Finding("flags-known", Severity.ERROR, "the app asks for 0x8", Location("Makefile", 16), "remove it")
WARNING = Finding(
    "build-no-warnings", Severity.WARNING, "unused x", Location("src/a b.c", 3, 7, "sdk"), "use it"
)
WAIVED = Finding(
    "elf-host-paths",
    Severity.ERROR,
    "the image holds '/opt/x'",
    None,
    "map paths",
    Waiver("elf-host-paths", "a path that everybody has", TODAY),
)
FINDINGS = (ERROR, WARNING, WAIVED)
RAN = tuple(rule for rule in RULES if rule.id in {f.rule for f in FINDINGS})


def shown(*findings: Finding) -> str:
    console = Console(file=io.StringIO(), width=100, no_color=True)
    console.print(to_terminal(findings))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_terminal() -> None:
    lines = [line.rstrip() for line in shown(*FINDINGS).splitlines()]
    assert lines == [
        "flags-known",
        "  error  Makefile:16  the app asks for 0x8",
        "  → remove it",
        "build-no-warnings",
        "  warning  sdk: src/a b.c:3:7  unused x",
        "  → use it",
        "elf-host-paths",
        "  error    the image holds '/opt/x'  waived until 2026-11-20: a path that everybody has",
        "  → map paths",
        "1 error, 1 warning, 1 waived",
    ]


def test_terminal_groups_a_rules_findings_and_says_its_fix_once() -> None:
    text = shown(ERROR, ERROR)
    assert text.count("flags-known") == text.count("remove it") == 1
    assert "2 errors" in text


def test_markup_in_messages_is_text() -> None:
    finding = Finding("flags-known", Severity.ADVICE, "[red]x[/red] :smile:", None, "[/]")
    assert "[red]x[/red] :smile:" in shown(finding)
    assert "1 advice" in shown(finding)


def test_nothing_found_is_said() -> None:
    assert summary(()) == "no findings"
    assert shown().strip() == "no findings"


def test_json_is_plain_and_complete() -> None:
    assert json.loads(json.dumps(to_json(ERROR))) == {
        "rule": "flags-known",
        "severity": "error",
        "message": "the app asks for 0x8",
        "root": "app",
        "path": "Makefile",
        "line": 16,
        "column": None,
        "fix": "remove it",
        "fingerprint": ERROR.fingerprint,
        "waived": None,
        "waived_until": None,
    }
    assert to_json(WAIVED)["path"] is None
    assert to_json(WAIVED)["waived_until"] == "2026-11-20"


def test_sarif() -> None:
    log = to_sarif(FINDINGS, RAN, version="1.2.3")
    assert json.loads(json.dumps(log)) == {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "nano-toolchain",
                        "semanticVersion": "1.2.3",
                        "rules": [
                            {
                                "id": rule.id,
                                "shortDescription": {"text": rule.reason},
                                "fullDescription": {"text": f"{rule.reason} Source: {rule.source}."},
                                "help": {"text": f"To fix it: {rule.fix}."},
                                "defaultConfiguration": {"level": "error"},
                            }
                            for rule in RAN
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    {
                        "ruleId": "flags-known",
                        "ruleIndex": 1,
                        "level": "error",
                        "message": {"text": "the app asks for 0x8. To fix it: remove it."},
                        "partialFingerprints": {"finding/v1": ERROR.fingerprint},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": "Makefile"},
                                    "region": {"startLine": 16},
                                }
                            }
                        ],
                    },
                    {
                        "ruleId": "build-no-warnings",
                        "ruleIndex": 0,
                        "level": "warning",
                        "message": {"text": "unused x. To fix it: use it."},
                        "partialFingerprints": {"finding/v1": WARNING.fingerprint},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": "src/a%20b.c", "uriBaseId": "SDK"},
                                    "region": {"startLine": 3, "startColumn": 7},
                                }
                            }
                        ],
                    },
                    {
                        "ruleId": "elf-host-paths",
                        "ruleIndex": 2,
                        "level": "error",
                        "message": {"text": "the image holds '/opt/x'. To fix it: map paths."},
                        "partialFingerprints": {"finding/v1": WAIVED.fingerprint},
                        "suppressions": [
                            {
                                "kind": "external",
                                "justification": "a path that everybody has (until 2026-11-20)",
                            }
                        ],
                    },
                ],
            }
        ],
    }


def test_a_finding_of_a_rule_that_did_not_run_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        to_sarif(FINDINGS, (), version="1.2.3")
