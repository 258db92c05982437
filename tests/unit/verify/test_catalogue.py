import importlib.util
from pathlib import Path

import pytest

from tests.unit.verify.candidates import TODAY, good
from toolchain.errors import ConfigError
from toolchain.verify import RULES, check, get_policy
from toolchain.verify.catalogue import explain, get_rule, to_markdown

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"


def test_the_page_of_rules_is_that_of_the_code() -> None:
    # To write it anew: python -c "from toolchain.verify.catalogue import to_markdown as page;
    # open('docs/rules.md', 'w').write(page())"
    assert PAGE.read_text("utf-8") == to_markdown()


def test_every_rule_has_a_section() -> None:
    text = to_markdown()
    assert all(text.count(f"\n### {rule.id}\n") == 1 for rule in RULES)


def test_a_rule_explains_itself() -> None:
    text = explain(get_rule("mk-no-debug"))
    assert text.startswith("mk-no-debug: error, policy release\n\n")
    assert get_rule("mk-no-debug").fix in text


def test_an_unknown_rule_names_those_that_are_spelt_alike() -> None:
    with pytest.raises(ConfigError) as caught:
        get_rule("mk-nodebug")
    assert "mk-no-debug" in caught.value.hint
    with pytest.raises(ConfigError):
        get_rule("")


def test_single_rules_can_be_run(tmp_path: Path) -> None:
    candidate = good(tmp_path, flags=0x8, variables={"DEBUG": "1"})
    found = check(candidate, get_policy("release"), TODAY, only={"mk-no-debug"})
    assert {finding.rule for finding in found} == {"mk-no-debug"}


CATALOGUE = Path(__file__).with_name("catalogue.txt")
GRAVER = {
    *("elf-flash-budget", "elf-pic", "elf-stack-budget", "path-slip44-registered", "readme"),
    "src-user-approval",
}
"""Rules that stop more than the catalogue asks for, or whose gravest case does there as well."""

MILDER = {"unit-tests"}
"""The requirement recommends unit tests; it does not demand them."""


def _catalogue() -> dict[str, tuple[str, str]]:
    rows = [line.split() for line in CATALOGUE.read_text("utf-8").splitlines() if not line.startswith("#")]
    return {name: (severity, where) for name, severity, where in rows}


def test_every_rule_of_the_catalogue_is_a_function_or_a_step() -> None:
    rows = _catalogue()
    ids = {rule.id for rule in RULES}
    assert {name for name, (_, where) in rows.items() if where == "rule"} == rows.keys() & ids
    for _, where in rows.values():
        assert where == "rule" or importlib.util.find_spec(where)


def test_rules_are_as_severe_as_the_catalogue_says() -> None:
    order = ["error", "warning", "advice"]
    rows = _catalogue()
    milder = {
        r.id for r in RULES if r.id in rows and order.index(str(r.severity)) > order.index(rows[r.id][0])
    }
    graver = {
        r.id for r in RULES if r.id in rows and order.index(str(r.severity)) < order.index(rows[r.id][0])
    }
    assert milder == MILDER
    assert graver == GRAVER
