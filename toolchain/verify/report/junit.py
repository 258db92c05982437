"""Findings as the test results that every CI shows: a suite for a subject, a case for a rule (JUnit XML)."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from toolchain.verify.model import Finding, Rule, printable
from toolchain.verify.policy import Policy
from toolchain.verify.report import Subject


def to_junit(subjects: Sequence[Subject], policy: Policy, version: str) -> str:
    """A case fails if a finding of its rule blocks under ``policy``; other findings are its output."""
    root = ET.Element("testsuites", name=f"nano-toolchain {version}")
    for subject in subjects:
        root.append(_suite(subject, policy))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(subject: Subject, policy: Policy) -> ET.Element:
    name = printable(f"{subject.app} for {subject.target}")
    suite = ET.Element("testsuite", name=name)
    if subject.error:
        case = ET.SubElement(suite, "testcase", classname=name, name="build")
        ET.SubElement(case, "error", message=printable(subject.error))
    else:
        for rule in policy.rules:
            found = [finding for finding in subject.findings if finding.rule == rule.id]
            suite.append(_case(name, rule, found, policy))
    for count in ("failure", "error"):
        suite.set(f"{count}s", str(len(suite.findall(f"testcase/{count}"))))
    suite.set("tests", str(len(suite)))
    return suite


def _case(subject: str, rule: Rule, found: Sequence[Finding], policy: Policy) -> ET.Element:
    case = ET.Element("testcase", classname=subject, name=rule.id)
    stopped = [f for f in found if f.severity in policy.blocks and not f.accepted]
    if stopped:
        failure = ET.SubElement(case, "failure", message=stopped[0].message, type=str(stopped[0].severity))
        failure.text = "\n".join(_line(finding) for finding in stopped)
    if others := [f for f in found if f not in stopped]:
        ET.SubElement(case, "system-out").text = "\n".join(_line(finding) for finding in others)
    return case


def _line(finding: Finding) -> str:
    place = f"{finding.location}: " if finding.location else ""
    waived = f" (waived: {finding.waiver.reason})" if finding.waiver else ""
    return f"{place}{finding.severity}: {finding.message}{waived}. To fix it: {finding.fix}."
