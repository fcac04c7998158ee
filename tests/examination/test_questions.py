"""What is asked about an item: the very requests, their shared prefix, and the identity of who is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from constitution import Completion, Request
from constitution.engine import Sampling
from constitution.engines.scripted import ScriptedEngine
from constitution.examination.items import Item, JudgedSet
from constitution.examination.questions import (
    NEUTRAL,
    QUESTIONS,
    Examiner,
    after,
    judge_digest,
    prompts_digest,
    questions_of,
)
from constitution.principles import FewShots, JudgeShot, Principle, Principles
from constitution.run.background import background
from constitution.run.examine import Examining, examine
from tests.examination.judges import item, made, principle_of

PLAIN = Principles("plain", "1", ())
OTHERS = tuple(principle_of(number) for number in range(5))


def asked(sets: tuple[JudgedSet, ...], principles: Principles = PLAIN, **settings: Any) -> list[Request]:
    """Every request of an examination."""
    found: list[Request] = []

    def script(request: Request) -> Completion:
        found.append(request)
        return Completion("A", logprobs=(-0.5, -1.0))

    background.call(examine(Examining(sets, ScriptedEngine(script), "scripted", principles, **settings)))
    return found


def test_the_five_questions() -> None:
    """The principle's own, and one neutral question after its text, nothing, another's text, its negation."""
    found = questions_of(item(0), OTHERS)
    assert tuple(found) == QUESTIONS
    assert found["asked"].preference == "Which answer keeps rule 0?"
    assert found["shown"].preference == after("Rule 0 holds.")
    assert found["hidden"].preference == NEUTRAL
    assert found["negated"].preference == after("Rule 0 does not hold.")
    assert found["exchanged"].preference in {after(f"Rule {n} holds.") for n in range(1, 5)}
    assert all(found[name].preference.endswith(NEUTRAL) for name in ("shown", "hidden", "exchanged", "negated"))


def test_what_is_exchanged_is_drawn_by_hash() -> None:
    """Not by the order of the principles; over many items every other one is lent."""
    texts = {questions_of(item(n), OTHERS)["exchanged"].preference for n in range(0, 100, 5)}
    assert texts == {after(f"Rule {n} holds.") for n in range(1, 5)}
    assert questions_of(item(7), OTHERS) == questions_of(item(7), OTHERS[::-1])


@pytest.mark.parametrize(
    ("principle", "names"),
    [
        (None, {"asked"}),
        (Principle("x", asks="Is it so?"), {"asked"}),
        (Principle("x", preference="Which?"), {"asked"}),
        (Principle("x", text="So."), {"asked", "shown", "hidden", "exchanged"}),
        (Principle("x", text="So.", negation="Not so."), set(QUESTIONS)),
    ],
)
def test_only_what_a_principle_has_is_asked(principle: Principle | None, names: set[str]) -> None:
    """Nothing is made up; without a question of its own it is asked with its text shown."""
    found = questions_of(replace(item(0), principle=principle), OTHERS)
    assert set(found) == names
    if principle is not None and principle.text:
        assert found["asked"].preference == found["shown"].preference
    if principle is None or not (principle.text or principle.preference):
        assert found["asked"].preference == NEUTRAL


def test_a_principle_alone_in_its_set_has_none_to_exchange() -> None:
    """Its own text under another id is none either."""
    assert "exchanged" not in questions_of(item(0), (OTHERS[0], replace(OTHERS[0], id="copy")))


def test_all_questions_share_the_prefix_with_both_answers() -> None:
    """In each order the requests begin alike, up to the question; one is asked before the others."""
    found = [one for one in asked((made(2),)) if one.labels == ("A", "B") and one.record == "checks/i0"]
    assert len(found) == 10
    heads = {request.messages[0].content.split("</answer-B-")[0] for request in found}
    assert len(heads) == 2
    assert {request.messages[0].content.split("</answer-B-")[0] for request in found[:2]} == heads


def test_levels_and_weights_of_a_principle_do_not_matter() -> None:
    """Its level may be unknown to the constitution that asks."""
    high = replace(principle_of(0), level="safety", weight=3.0)
    sets = (JudgedSet("checks", (replace(item(0), principle=high),), "made"),)
    assert len(asked(sets)) == 12  # four questions in both orders, two answers in both wordings


def test_a_swap_asks_the_very_same() -> None:
    """An item whose better and worse answer are exchanged gives the same requests, and every verdict turned round."""
    mine = item(3)
    turned = replace(mine, better=mine.worse, worse=mine.better)
    keys = [
        sorted(request.key for request in asked((JudgedSet("checks", (one,), "made"),)) if request.labels[0] == "A")
        for one in (replace(mine, principle=None), replace(turned, principle=None))
    ]
    assert keys[0] == keys[1]


def test_no_request_tells_which_answer_is_better() -> None:
    """The better one stands first and second equally often, and the first request has it first in about half."""
    firsts = []
    for request in asked((made(60),)):
        if request.labels == ("A", "B") and request.messages[0].content.endswith("A or B."):
            number = int(request.record.removeprefix("checks/i"))
            firsts.append(item(number).better in request.messages[0].content.split("</answer-A-")[0])
    assert len(firsts) == 600
    assert sum(firsts) == 300


def test_the_constitution_gives_the_words() -> None:
    """Its context, templates and worked comparisons, as in the run that is to come."""
    own = Principles(
        "own", "1", (), context="A small library.", templates={"judge_ask": "{{ principle.preference }} Say A or B."},
        few_shots=FewShots(judge=(JudgeShot("p", "one", "two", "a"),)),
    )  # fmt: skip
    (request, *_) = asked((made(1),), own)
    assert request.messages[0].content.startswith("A small library.")
    assert len(request.messages) == 3
    assert request.messages[-1].content.endswith("Say A or B.")


def test_the_identity_of_the_words() -> None:
    """Holds templates, context and comparisons; not the principles."""
    digests = {
        prompts_digest(each)
        for each in (
            PLAIN,
            replace(PLAIN, context="x"),
            replace(PLAIN, templates={"judge_ask": "{{ principle.preference }}"}),
            replace(PLAIN, templates={"score_open": "{{ nonce }}"}),
            replace(PLAIN, few_shots=FewShots(judge=(JudgeShot("p", "one", "two", "a"),))),
        )
    }
    assert len(digests) == 5
    same = Principles("other", "2", OTHERS, templates={"revise": "x"}, few_shots=FewShots(critique=()))
    assert prompts_digest(same) == prompts_digest(PLAIN)


def test_the_identity_of_a_judge() -> None:
    """Model, adapter, mode, read, words; sampling counts where the judge thinks, and thinking always."""
    base: dict[str, Any] = {
        "model": "m", "principles": PLAIN, "mode": "direct", "read": "pairwise", "sampling": Sampling(9), "lora": None,
    }  # fmt: skip
    changes: list[dict[str, Any]] = [
        {}, {"model": "n"}, {"principles": replace(PLAIN, context="x")}, {"mode": "think"}, {"mode": "text"},
        {"read": "scoring"}, {"lora": "l"}, {"sampling": Sampling(9, thinking="off")},
        {"mode": "think", "sampling": Sampling(8)},
    ]  # fmt: skip
    assert len({judge_digest(**{**base, **change}) for change in changes}) == len(changes)
    assert judge_digest(**{**base, "sampling": Sampling(8, temperature=0.1)}) == judge_digest(**base)


def test_labels_are_those_that_are_read() -> None:
    """None in words; no yes and no where nothing can be scored."""
    bare = JudgedSet("bare", (Item("bare", "1", item(0).conversation, "good", "bad"),), "made")
    assert Examiner((made(2),), PLAIN).labels == {"judge": ("A", "B", "Yes", "No")}
    assert Examiner((bare,), PLAIN).labels == {"judge": ("A", "B")}
    assert Examiner((made(2),), PLAIN, "text").labels == {"judge": ()}


def test_the_first_answer_of_the_requests_is_known() -> None:
    """Always taking the first is measured in the order in which a pair is asked unturned."""
    from constitution.examination.figures import _first
    from constitution.examination.reads import ItemReads
    from constitution.steps.judge import Bench, Material

    for number in range(40):
        one = item(number)
        material = Material.of(Bench(PLAIN), one.conversation, (one.better, one.worse))
        assert _first(ItemReads(one, {})) == (material.texts[0] == one.better)
