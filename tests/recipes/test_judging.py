"""How a recipe has its texts judged: what is refused before the first token, which labels and principles it takes."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from constitution.errors import SettingsError, TemplateError
from constitution.messages import Prompt, user
from constitution.principles import Principle, Principles, Use
from constitution.recipes.judging import JUDGE_SAMPLING, Judging, Reads
from constitution.seeds import Seeds
from constitution.steps.judge import JudgeMode
from constitution.verdicts import Judged
from tests.judges import PROMPT, SEEDS, judged_by, oracle, play, principle_of


@pytest.mark.parametrize(
    ("read", "mode", "labels"),
    [
        ("pairwise", "direct", ("A", "B")),
        ("pairwise", "think", ("A", "B")),
        ("pairwise", "text", ()),
        ("scoring", "direct", ("Yes", "No")),
        ("both", "direct", ("A", "B", "Yes", "No")),
        ("value", "direct", ("value",)),
    ],
)
def test_labels(read: Reads, mode: JudgeMode, labels: tuple[str, ...]) -> None:
    """What the engine has to find out when it starts: only what is read."""
    assert Judging(judged_by(), read, mode).labels == labels


@pytest.mark.parametrize("read", ["scoring", "both", "value"])
@pytest.mark.parametrize("mode", ["think", "text"])
def test_a_mode_that_scores_have_not(read: Reads, mode: JudgeMode) -> None:
    """Thoughts and words are of pairs."""
    with pytest.raises(SettingsError, match=f"judge_mode {mode} compares pairs: take judge_read pairwise"):
        Judging(judged_by(), read, mode)


def test_fewer_than_no_principles() -> None:
    """0 is all that apply; less is nothing."""
    with pytest.raises(SettingsError, match="judge_principles is -1, expected 0"):
        Judging(judged_by(), number=-1)


@pytest.mark.parametrize(
    ("read", "lacking", "key"),
    [("pairwise", "preference", "preference"), ("scoring", "asks", "asks"), ("both", "asks", "asks")],
)
def test_a_constitution_that_lacks_its_questions(read: Reads, lacking: str, key: str) -> None:
    """A principle that is switched off is none; a callable needs no question."""
    own = judged_by(2)
    switched = replace(own.principles[0], weight=0.0)
    nothing: Any = {lacking: ""}
    bare = replace(own, principles=(switched, replace(own.principles[1], **nothing)))
    with pytest.raises(SettingsError, match=f"has no principle with `{key}` and a weight above 0; judge_read {read}"):
        Judging(bare, read)
    Judging(bare, "value")
    Judging(bare, "scoring" if read == "pairwise" else "pairwise")


@pytest.mark.parametrize(
    ("name", "read", "mode"),
    [
        ("judge_ask", "pairwise", "direct"),
        ("judge_ask", "pairwise", "text"),
        ("judge_think", "pairwise", "think"),
        ("score_ask_broken", "scoring", "direct"),
        ("judge_ask", "both", "direct"),
        ("score_ask_broken", "both", "direct"),
    ],
)
def test_templates_are_filled_before_the_first_token(name: str, read: Reads, mode: JudgeMode) -> None:
    """One that says nothing for a principle is refused with the recipe (law 9)."""
    own = judged_by(1, templates={name: "{{ principle.why }}"})
    with pytest.raises(TemplateError, match=f"template '{name}' for principle 'p0' gives an empty text"):
        Judging(own, read, mode)


def test_principles_are_drawn_for_each_record() -> None:
    """As many as are asked for, none twice; 0 is all in their order; by run seed, record and sample."""
    own = judged_by(5)
    prompt = Prompt("r", (user("Q?"),))

    def drawn(number: int, seeds: Seeds = SEEDS) -> list[str]:
        return [each.id for each in Judging(own, number=number).drawn(prompt, seeds)["compares"]]

    assert drawn(0) == ["p0", "p1", "p2", "p3", "p4"]
    assert len(set(drawn(3))) == 3
    assert sorted(drawn(9)) == drawn(0)
    assert drawn(1) == drawn(3)[:1]
    assert (
        len({tuple(drawn(2, Seeds(seed, record, sample))) for seed in (1, 2) for record in "abc" for sample in (0, 1)})
        > 3
    )


def test_draws_for_the_judge_are_their_own() -> None:
    """Which principle revises says nothing of which one judges or contrasts; both reads of a judge draw the same."""
    own = judged_by(5)
    uses: tuple[Use, ...] = ("revises", "compares", "scores", "contrasts")
    first = {use: [own.draw(Seeds(0, str(record)), 1, (), use)[0].id for record in range(60)] for use in uses}
    assert first["compares"] == first["scores"]
    apart: tuple[Use, ...] = ("revises", "compares", "contrasts")
    for one, other in combinations(apart, 2):
        assert first[one] != first[other]


def test_tags_limit_what_is_drawn() -> None:
    """And of those compared the scored ones are those that have both questions."""
    own = judged_by(3)
    limited = replace(own.principles[0], applies_to=("harmful",))
    scored = replace(own.principles[1], preference="")
    own = replace(own, principles=(limited, scored, own.principles[2]))
    both = Judging(own, "both", number=0)
    assert [[p.id for p in both.drawn(PROMPT, SEEDS)[use]] for use in ("compares", "scores")] == [["p2"], ["p2"]]
    tagged = replace(PROMPT, tags=("harmful",))
    assert [p.id for p in both.drawn(tagged, SEEDS)["compares"]] == ["p0", "p2"]
    assert Judging(own, "value").drawn(PROMPT, SEEDS) == {}


@pytest.mark.parametrize(
    ("read", "judged", "scored", "batches"),
    [
        ("pairwise", 2, 0, [4, 4]),
        ("scoring", 0, 3, [3, 9]),
        ("both", 2, 3, [4, 4, 3, 9]),
        ("value", 0, 3, [3]),
    ],
)
def test_what_is_asked_of_three_texts_and_two_pairs(read: Reads, judged: int, scored: int, batches: list[int]) -> None:
    """Side by side: of each pair and of each text first what primes its prefix, then the rest."""
    own = Judging(judged_by(2), read, number=0)
    texts = tuple((number, f"Text {number}.") for number in range(3))
    judge = oracle()

    def script(ask: Any) -> Any:
        said = judge(ask)
        assert not isinstance(said, str)
        return said

    flow = own.judge(PROMPT, texts, ((texts[0], texts[1]), (texts[2], texts[0])), own.drawn(PROMPT, SEEDS))
    (pairs, ones), asked = play(flow, script)
    assert [len(batch) for batch in asked] == batches
    assert [(pair.a, pair.b) for pair in pairs] == [(0, 1), (2, 0)][:judged]
    assert [one.number for one in ones] == [0, 1, 2][:scored]
    if read != "value":
        assert {principle_of(ask) for ask in asked[0]} == {"p0"}
    assert all(isinstance(pair, Judged) for pair in pairs)


def test_settings() -> None:
    """What shapes the questions, for the manifest; how thoughts are sampled stands with the roles."""
    assert Judging(judged_by(), "both", number=3).settings() == {
        "judge_read": "both", "judge_mode": "direct", "judge_principles": 3,
    }  # fmt: skip
    assert Judging(judged_by()).sampling == JUDGE_SAMPLING


@pytest.mark.parametrize(("read", "lacks"), [("pairwise", "preference"), ("scoring", "asks"), ("both", "asks")])
def test_a_principle_that_cannot_be_asked_about(read: Reads, lacks: str) -> None:
    """It is named with what it lacks; a callable knows no principle."""
    whole = judged_by(1).principles[0]
    nothing: Any = {lacks: ""}
    bare = replace(whole, **nothing)
    own = Principles("n", "1", (whole,))
    Judging(own, read).require(whole)
    Judging(own, "value").require(Principle("x"))
    with pytest.raises(SettingsError, match=f"principle 'p0' has no `{lacks}`, which --verify judge needs"):
        Judging(own, read).require(bare)
