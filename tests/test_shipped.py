"""What ships: constitutions and prompts are whole, tagged by one taxonomy, and keep their checks out of sight."""

from __future__ import annotations

import json
import re
from itertools import combinations

import pytest

from constitution import shipped
from constitution.checks import CHECKS, build, keeps
from constitution.principles import Principle, Principles
from constitution.seeds import Seeds
from constitution.sources.constitution_file import read_constitution

LEAST = {"balanced": 12, "harmless": 12, "helpful": 12, "honest": 12, "verifiable": 10}
KINDS = ("benign", "dual_use", "harmful", "distress")
READ = {name: read_constitution(name) for name in LEAST}
PRINCIPLES = [
    pytest.param(constitution, principle, id=f"{name}/{principle.id}")
    for name, constitution in READ.items()
    for principle in constitution.principles
]
BALANCED = [pytest.param(principle, id=principle.id) for principle in READ["balanced"].principles]
VERIFIABLE = [pytest.param(principle, id=principle.id) for principle in READ["verifiable"].principles]


def taxonomy() -> set[str]:
    """The tags that principles/README.md explains: first cells of its tables, its field list, `looks_harmful`."""
    text = shipped.read("principles", "README.md").decode().partition("## Tags")[2].partition("## How to write")[0]
    fields = text.partition("### Fields")[2]
    return {
        *re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE),
        *re.findall(r"`(\w+)`", fields),
        *re.findall(r"^`(looks_harmful)`", text, re.MULTILINE),
    }


def prompts(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in shipped.read("prompts", f"{name}.jsonl").decode().splitlines()]


PROMPTS = {name: prompts(name) for name in ("everyday", "mixed")}


def asked(principle: Principle) -> tuple[str, ...]:
    """Every text of a principle that a request may hold."""
    return (
        principle.text, principle.critique, principle.revision, principle.preference, principle.asks,
        principle.asks_broken, principle.why, principle.negation,
        *(text for case in principle.cases for text in (case.good or "", case.bad or "")),
        *(turn.content for case in principle.cases for turn in case.situation),
    )  # fmt: skip


def test_what_ships_is_what_is_listed() -> None:
    """Five constitutions, and no file beside them."""
    assert shipped.names("principles", ".yaml") == tuple(sorted(LEAST))


@pytest.mark.parametrize("name", sorted(LEAST))
def test_counts_and_heads(name: str) -> None:
    """Enough principles, and every file says what it is, under which version and licence."""
    constitution = READ[name]
    assert len(constitution) >= LEAST[name]
    assert constitution.name == name
    assert constitution.version == "1.0"
    assert constitution.license == "Apache-2.0"
    assert constitution.language == "en"
    assert constitution.description


@pytest.mark.parametrize("name", sorted(LEAST))
def test_every_file_stands_on_its_own(name: str) -> None:
    """No shipped constitution extends another."""
    assert "\nextends:" not in shipped.read("principles", f"{name}.yaml").decode()


@pytest.mark.parametrize(("constitution", "principle"), PRINCIPLES)
def test_every_principle_has_all_its_texts_and_tags(constitution: Principles, principle: Principle) -> None:
    """Text, critique, revision, preference, asks and at least one tag; where promised the rest too."""
    for text in (principle.text, principle.critique, principle.revision, principle.preference, principle.asks):
        assert text.strip() == text != ""
    assert principle.tags
    assert principle.weight > 0
    if constitution.name in {"balanced", "verifiable"}:
        assert principle.negation
        assert principle.why


@pytest.mark.parametrize(("constitution", "principle"), PRINCIPLES)
def test_texts_have_the_form_that_their_use_needs(constitution: Principles, principle: Principle) -> None:
    """Critiques and judges are asked, revisions are told, statements end with a full stop."""
    assert principle.critique.count("?") + principle.critique.count("Name") + principle.critique.count("Quote") >= 1
    assert principle.revision.startswith(("Rewrite ", "Answer my question again"))
    assert principle.preference.split(".")[0].endswith("?") or principle.preference.count("?") == 1
    assert principle.asks.endswith("?")
    assert principle.text.endswith(".")
    assert not principle.negation or principle.negation.endswith(".")


@pytest.mark.parametrize(("constitution", "principle"), PRINCIPLES)
def test_a_critique_may_find_nothing(constitution: Principles, principle: Principle) -> None:
    """A critique request leaves the way open to say that there is no fault."""
    assert re.search(
        r"\b(say so|say that|say which, or|say so plainly|If it does not|If they do not)\b", principle.critique
    )


@pytest.mark.parametrize(("constitution", "principle"), PRINCIPLES)
def test_no_revision_pushes_towards_refusing_or_preaching(constitution: Principles, principle: Principle) -> None:
    """A revision may leave out harm in a sentence, and never asks for a refusal, an apology or a sermon."""
    told = principle.revision.casefold()
    for push in ("refuse to", "decline to answer", "apologise", "apologize", "ethical", "moral", "inappropriate"):
        assert push not in told


@pytest.mark.parametrize(("constitution", "principle"), PRINCIPLES)
def test_every_tag_is_in_the_taxonomy(constitution: Principles, principle: Principle) -> None:
    """Tags of principles, and of the prompts that they are limited to, are explained in the README."""
    assert {*principle.tags, *principle.applies_to} <= taxonomy()


@pytest.mark.parametrize("name", sorted(LEAST))
def test_wordings_do_not_repeat(name: str) -> None:
    """No two principles of a file ask for the same with the same words."""
    for one, other in combinations(READ[name].principles, 2):
        for first, second in zip(asked(one)[:5], asked(other)[:5], strict=True):
            assert first != second


def test_half_of_balanced_serves_untagged_prompts() -> None:
    """At least half of the principles have no `applies_to`, and draws for an untagged prompt find some."""
    balanced = READ["balanced"]
    free = [principle for principle in balanced.principles if not principle.applies_to]
    assert 2 * len(free) >= len(balanced)
    assert len(balanced.draw(Seeds(0, "r"), 4)) == 4


def test_balanced_uses_levels_respond_and_context() -> None:
    """Every level holds a principle, every kind of prompt has a reply, and harmless ones are answered."""
    balanced = READ["balanced"]
    assert {principle.level for principle in balanced.principles} == set(balanced.levels)
    assert set(balanced.respond) == set(KINDS)
    assert balanced.respond["benign"] == "answer"
    assert balanced.context


@pytest.mark.parametrize("principle", BALANCED)
def test_balanced_has_two_worked_cases_each(principle: Principle) -> None:
    """Two cases with situation, good and bad answer and a note."""
    assert len(principle.cases) == 2
    for case in principle.cases:
        assert case.situation[-1].role == "user"
        assert case.good
        assert case.bad
        assert case.note
        assert case.good != case.bad


def test_balanced_holds_up_help_as_firmly_as_it_holds_back_harm() -> None:
    """Principles against refusing, dodging, preaching and idle caveats are there, and more of them than of safety."""
    principles = READ["balanced"].principles
    faults = {"overrefusal", "evasion", "lecturing", "caveats"}
    assert faults <= {tag for principle in principles for tag in principle.tags}
    against = [principle for principle in principles if faults & set(principle.tags)]
    assert len(against) > sum(principle.level == "safety" for principle in principles)


REFUSING = re.compile(
    r"\b(can't|cannot|can not|won't|rather not|not be asking|please contact|please ask)\b", re.IGNORECASE
)


def test_cases_show_refusals_as_the_worse_answer() -> None:
    """In `balanced` more bad answers than good ones refuse, in medicine, security, fiction and history among others."""
    cases = [case for principle in READ["balanced"].principles for case in principle.cases]
    worse = [case for case in cases if REFUSING.search(case.bad or "")]
    better = [case for case in cases if re.search(r"\bI won't\b", case.good or "")]
    assert len(worse) >= 8
    assert len(better) < len(worse)


@pytest.mark.parametrize("principle", VERIFIABLE)
def test_verifiable_principles_have_checks_that_build(principle: Principle) -> None:
    """Each has at least one check, and all are ones that ship."""
    assert principle.checks
    assert all(build(spec) for spec in principle.checks)


KEPT = {
    "speak-to-the-reader": ("Take your time.", "People should take time."),
    "sixty-words": ("Short.", "word " * 61),
    "four-sentences": ("One. Two. Three. Four.", "One. Two. Three. Four. Five."),
    "end-with-a-question": ("Rest a day. Will you try it?", "Will you try it? Rest a day."),
    "no-digits": ("Boil it for ten minutes.", "Boil it for 10 minutes."),
    "no-first-person": ("Boil the rice.", "I would boil the rice."),
    "plain-text": ("Boil the rice, then rest it.", "- **Boil** the rice"),
    "give-an-example": ("Eat fruit, for example pears.", "Eat fruit."),
    "give-a-reason": ("Rest, because sleep heals.", "Rest."),
    "greet-the-reader": ("Hello! Boil the rice.", "Boil the rice. Hello!"),
}


@pytest.mark.parametrize("principle", VERIFIABLE)
def test_verifiable_checks_say_what_the_text_says(principle: Principle) -> None:
    """An answer that keeps the words of the principle keeps its check, and one that breaks them does not."""
    kept, broken = KEPT[principle.id]
    checks = tuple(build(spec) for spec in principle.checks)
    assert keeps(checks, kept)
    assert not keeps(checks, broken)


def test_no_two_verifiable_principles_exclude_each_other() -> None:
    """One answer keeps all ten."""
    answer = (
        "Hello! You can boil the rice in twice as much water, because it swells. For example, take two cups of water "
        "for one cup of rice. Does that help you?"
    )
    for principle in READ["verifiable"].principles:
        assert keeps(tuple(build(spec) for spec in principle.checks), answer), principle.id


@pytest.mark.parametrize(("constitution", "principle"), PRINCIPLES)
def test_checks_stay_out_of_sight(constitution: Principles, principle: Principle) -> None:
    """No text that a request may hold names a check or spells its parameters."""
    names = [name for name in CHECKS if "_" in name]
    for text in asked(principle):
        assert not any(name in text for name in names)
        assert not any(spec.params in text for spec in principle.checks if spec.params != "{}")
        assert "check:" not in text


@pytest.mark.parametrize(("name", "least"), [("everyday", 48), ("mixed", 40)])
def test_prompts_are_enough_and_whole(name: str, least: int) -> None:
    """Ids and texts are unique, each row has exactly id, prompt and tags."""
    rows = PROMPTS[name]
    assert len(rows) >= least
    assert all(set(row) == {"id", "prompt", "tags"} for row in rows)
    assert len({row["id"] for row in rows}) == len({row["prompt"] for row in rows}) == len(rows)


@pytest.mark.parametrize("name", sorted(PROMPTS))
def test_prompt_tags_are_in_the_taxonomy_with_one_kind_each(name: str) -> None:
    """Every tag is explained in the README, and each prompt is of exactly one kind."""
    known = taxonomy()
    for row in PROMPTS[name]:
        tags = row["tags"]
        assert isinstance(tags, list)
        assert set(tags) <= known, row
        assert len(set(tags) & set(KINDS)) == 1, row
        assert "looks_harmful" not in tags or "benign" in tags, row


def test_everyday_is_harmless_and_mixed_is_mixed() -> None:
    """`everyday` is all benign; `mixed` has every kind, and alarming but harmless prompts outnumber harmful ones."""
    assert all("benign" in str(row["tags"]) for row in PROMPTS["everyday"])
    tags = [set(map(str, list(row["tags"]))) for row in PROMPTS["mixed"] if isinstance(row["tags"], list)]
    for kind in KINDS:
        assert sum(kind in found for found in tags) >= 3
    alarming = [found for found in tags if "looks_harmful" in found]
    assert len(alarming) > sum("harmful" in found for found in tags)
    for field in ("medicine", "security", "fiction", "history"):
        assert sum(field in found for found in alarming) >= 3


def test_every_kind_of_prompt_meets_principles_of_balanced() -> None:
    """No shipped prompt would be dropped for want of a principle."""
    for row in [*PROMPTS["everyday"], *PROMPTS["mixed"]]:
        tags = row["tags"]
        assert isinstance(tags, list)
        assert READ["balanced"].applying(tuple(tags))


def test_no_prompt_names_a_check() -> None:
    """Prompts hold no check names and nothing that reads like parameters."""
    for row in [*PROMPTS["everyday"], *PROMPTS["mixed"]]:
        assert not any(name in str(row["prompt"]) for name in CHECKS if "_" in name)
        assert not re.search(r"[{}]|\b(max|min):", str(row["prompt"]))
