"""What looks like a key or a seed in a text."""

import re
from collections.abc import Iterator

_PATTERNS = {
    "a private key in PEM form": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}"),
    "an extended private key (BIP-32)": re.compile(r"\b[xyztuv]prv[1-9A-HJ-NP-Za-km-z]{107,108}\b"),
    "the loader's private key": re.compile(r"\bSCP_PRIVKEY\s*[:?]?=\s*[\"']?[0-9a-fA-F]{64}\b"),
    "a recovery phrase (BIP-39)": re.compile(
        r"[\"'`](?:[a-z]{3,8} ){11}(?:(?:[a-z]{3,8} ){3}){0,4}[a-z]{3,8}[\"'`]"
    ),
}
"""BIP-39 words have three to eight letters, phrases 12, 15, 18, 21 or 24 words."""


TEST_PHRASE = "a phrase of BIP-39's test vectors"
"""What scripts give an emulator; in an app, a key that everybody knows."""

_VECTOR_WORDS = 2
"""Distinct words of such a phrase: one eleven times, then another."""

_EXAMPLES = frozenset({"an extended private key (BIP-32)", "a recovery phrase (BIP-39)"})


def find_secret(text: str) -> Iterator[tuple[int, str]]:
    """Line, counted from 1, and kind of everything in ``text`` that looks like a secret."""
    for what, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            known = len(set(match[0].strip("\"'`").split())) == _VECTOR_WORDS
            yield text.count("\n", 0, match.start()) + 1, TEST_PHRASE if known else what


def is_for_tools(what: str) -> bool:
    """Whether this kind also stands in scripts and documents, as an example that protects nothing."""
    return what in _EXAMPLES
