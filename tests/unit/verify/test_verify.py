import ast
import dataclasses
import datetime
from pathlib import Path

import pytest

import toolchain
from tests.unit.verify.candidates import TODAY, findings, good, with_diagnostics, with_elf, with_waivers
from toolchain.app import Waiver
from toolchain.diagnostic import Diagnostic
from toolchain.errors import ConfigError, VerificationError
from toolchain.image import VerifiedImage
from toolchain.verify import RULES, Location, Severity, blocking, check, get_policy, policies, verify
from toolchain.verify.model import Problem
from toolchain.verify.policy import Policy, read_policies

REASON = "the vendor knows this app"


@pytest.mark.parametrize("target", ["nanos", "nanosp", "nanox", "stax", "flex", "apex_p"])
@pytest.mark.parametrize("policy", policies().values(), ids=lambda policy: policy.name)
def test_the_good_candidate_passes_every_policy(tmp_path: Path, target: str, policy: Policy) -> None:
    candidate = good(tmp_path, target, flags=0 if target in ("nanos", "nanosp") else 0x200)
    verified, found = verify(candidate, policy, today=TODAY)
    assert {f.severity for f in found} <= {Severity.ADVICE}
    assert verified.image is candidate.image
    assert (verified.policy, verified.waived) == (policy.name, ())


def test_all_findings_come_at_once_worst_first_and_in_a_stable_order(tmp_path: Path) -> None:
    candidate = good(tmp_path, flags=0x48, curves=(), paths=())
    with pytest.raises(VerificationError) as caught:
        verify(candidate, get_policy("release"), today=TODAY)
    found = caught.value.findings
    assert found == check(candidate, get_policy("release"), TODAY)
    rules = [f.rule for f in check(candidate, get_policy("release"), TODAY)]
    assert rules == [
        "curve-declared",
        "flags-justified",
        "flags-justified",
        "flags-known",
        "path-declared",
        "flags-least-privilege",
    ]
    assert "5 findings under policy release" in caught.value.message


def test_a_warning_passes_the_release_and_stops_the_store(tmp_path: Path) -> None:
    candidate = with_elf(good(tmp_path), stack_size=2516)
    _, found = verify(candidate, get_policy("release"), today=TODAY)
    assert [(f.rule, f.severity) for f in found] == [("elf-stack-budget", Severity.WARNING)]
    with pytest.raises(VerificationError, match="1 finding under"):
        verify(candidate, get_policy("store"), today=TODAY)


def test_a_development_build_may_print_and_a_release_may_not(tmp_path: Path) -> None:
    candidate = good(tmp_path, variables={"DEBUG": "1"})
    verify(candidate, get_policy("development"), today=TODAY)
    with pytest.raises(VerificationError):
        verify(candidate, get_policy("release"), today=TODAY)


def test_a_waived_finding_stays_visible_and_is_noted(tmp_path: Path) -> None:
    waiver = Waiver("flags-known", REASON, TODAY)
    justified = Waiver("flags-justified", "nobody reads this makefile", TODAY)
    candidate = with_waivers(good(tmp_path, flags=0x8), waiver, justified)
    verified, found = verify(candidate, get_policy("release"), today=TODAY)
    assert {(f.rule, f.waiver) for f in found} == {("flags-known", waiver), ("flags-justified", justified)}
    assert verified.waived == (
        f"flags-justified: nobody reads this makefile (until {TODAY})",
        f"flags-known: {REASON} (until {TODAY})",
    )


def test_the_day_after_its_last_a_waiver_counts_no_longer(tmp_path: Path) -> None:
    candidate = with_waivers(good(tmp_path, flags=0x8), Waiver("flags-known", REASON, TODAY))
    tomorrow = TODAY + datetime.timedelta(1)
    with pytest.raises(VerificationError):
        verify(candidate, get_policy("release"), today=tomorrow)
    found = check(candidate, get_policy("release"), tomorrow)
    assert all(f.waiver is None for f in found)
    assert {"waiver", "flags-known"} <= {f.rule for f in found}


def test_a_waiver_for_a_rule_of_another_policy_is_not_unused(tmp_path: Path) -> None:
    candidate = with_waivers(good(tmp_path), Waiver("mk-no-debug", REASON, TODAY))
    assert check(candidate, get_policy("development"), TODAY) == ()
    assert [f.rule for f in check(candidate, get_policy("release"), TODAY)] == ["waiver"]


def test_the_same_finding_twice_is_one(tmp_path: Path) -> None:
    said = Diagnostic("a.c", 1, 2, "warning", "x", "-Wx", "app")
    assert len(check(with_diagnostics(good(tmp_path), said, said), get_policy("release"), TODAY)) == 1


def test_fingerprints_survive_moved_lines_and_nothing_else(tmp_path: Path) -> None:
    def fingerprint(line: int, text: str = "x", path: str = "a.c") -> str:
        said = Diagnostic(path, line, 2, "warning", text, "-Wx", "app")
        (finding,) = check(with_diagnostics(good(tmp_path), said), get_policy("release"), TODAY)
        return finding.fingerprint

    assert fingerprint(1) == fingerprint(99)
    assert len({fingerprint(1), fingerprint(1, "y"), fingerprint(1, path="b.c")}) == 3


def test_names_of_a_hostile_app_cannot_steer_a_terminal(tmp_path: Path) -> None:
    said = Diagnostic("a\x1b[2J.c", 1, 0, "warning", "\x1b]0;x\x07\u202e", "", "app")
    (finding,) = findings(with_diagnostics(good(tmp_path), said), "build-no-warnings")
    assert finding.message.isprintable()
    assert str(finding.location).isprintable()


def test_places_read_like_a_compilers() -> None:
    assert str(Location("a.c")) == "a.c"
    assert str(Location("a.c", 3)) == "a.c:3"
    assert str(Location("a.c", 3, 4)) == "a.c:3:4"
    assert str(Location("os.c", 3, root="sdk")) == "sdk: os.c:3"


def test_a_rule_gives_its_own_fix_unless_the_problem_has_a_better_one() -> None:
    rule = RULES[0]
    assert rule.finding(Problem("x")).fix == rule.fix
    assert rule.finding(Problem("x", fix="y")).fix == "y"


def test_only_errors_that_are_not_waived_block(tmp_path: Path) -> None:
    policy = get_policy("release")
    (finding,) = check(good(tmp_path, variables={"DEBUG": "1"}), policy, TODAY)
    waived = dataclasses.replace(finding, waiver=Waiver(finding.rule, REASON, TODAY))
    warning = dataclasses.replace(finding, severity=Severity.WARNING)
    assert blocking((finding, waived, warning), policy) == (finding,)


def test_rules_describe_themselves() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.reason.endswith(".")
        assert "\n" not in rule.reason
        assert rule.source
        assert rule.fix
        assert rule.function.__doc__


def test_every_rule_belongs_to_exactly_one_list_of_the_policies() -> None:
    store = [rule.id for rule in get_policy("store").rules]
    assert sorted(store) == sorted(rule.id for rule in RULES)


def test_policies_only_grow() -> None:
    development, release, store = (set(get_policy(n).rules) for n in ("development", "release", "store"))
    assert development < release < store
    assert [p.name for p in policies().values() if not p.release_key] == ["development"]


@pytest.mark.parametrize(
    "text",
    [
        '[p]\ntitle = ""\nblocks = ["error"]\nrules = []',
        '[p]\ntitle = ""\nblocks = []\nrules = ["waiver"]',
        '[p]\ntitle = ""\nblocks = ["error"]\nrules = ["no-such-rule"]',
        '[p]\ntitle = ""\nblocks = ["fatal"]\nrules = ["waiver"]',
        '[p]\ntitle = ""\nblocks = ["error"]\nrules = ["waiver"]\nextends = "later"',
        '[p]\ntitle = ""\nblocks = ["error"]\nrules = ["waiver"]\nextra = 1',
        '[p]\nblocks = ["error"]\nrules = ["waiver"]',
        '[p]\ntitle = ""\nblocks = ["error"]\nrules = ["waiver"]\nrelease_key = "yes"',
        "p = 1",
        "[p",
    ],
)
def test_a_policy_that_could_not_refuse_anything_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        read_policies(text, where="policies.toml")


def test_an_unknown_policy_names_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        get_policy("none")
    assert "development, release, store" in caught.value.hint


@pytest.mark.parametrize("changes", [{"policy": "store"}, {"waived": ("x",)}, {"image": None}])
def test_a_verified_image_cannot_be_turned_into_another(tmp_path: Path, changes: dict[str, object]) -> None:
    verified, _ = verify(good(tmp_path), get_policy("release"), today=TODAY)
    if "image" in changes:
        changes = {"image": dataclasses.replace(verified.image, flags=0x10)}
    with pytest.raises(TypeError):
        dataclasses.replace(verified, **changes)  # type: ignore[arg-type] # the fields of the cases


def test_nobody_but_verify_seals_an_image(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        VerifiedImage(good(tmp_path).image, "release", (), object())
    package = Path(toolchain.__file__).parent
    callers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if _reaches_the_seal(node)
    }
    assert callers == {"image.py", "verify/__init__.py"}


def _reaches_the_seal(node: ast.AST) -> bool:
    match node:
        case ast.ImportFrom(module="toolchain.image", names=names):
            return any(alias.name in ("seal", "_SEAL", "*") for alias in names)
        case ast.Name(id="_SEAL") | ast.Attribute(attr="_SEAL"):
            return True
        case ast.Call(func=ast.Name(id="VerifiedImage") | ast.Attribute(attr="VerifiedImage")):
            return True
        case ast.Attribute(value=ast.Name(id="image") | ast.Attribute(attr="image"), attr="seal"):
            return True
    return False
