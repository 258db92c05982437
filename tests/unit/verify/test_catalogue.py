from pathlib import Path

from toolchain.verify import RULES
from toolchain.verify.catalogue import to_markdown

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"


def test_the_page_of_rules_is_that_of_the_code() -> None:
    # To write it anew: python -c "from toolchain.verify.catalogue import to_markdown as page;
    # open('docs/rules.md', 'w').write(page())"
    assert PAGE.read_text("utf-8") == to_markdown()


def test_every_rule_has_a_section() -> None:
    text = to_markdown()
    assert all(text.count(f"\n### {rule.id}\n") == 1 for rule in RULES)
