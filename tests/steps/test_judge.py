"""The judge's questions: what stands in them and in which order, and what is read of an answer."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.digest import digest
from constitution.engine import Ask, Completion, Sampling
from constitution.messages import Conversation, Message, assistant, system, user
from constitution.principles import FewShots, JudgeShot
from constitution.steps import judge as steps
from constitution.steps.judge import (
    Bench,
    Material,
    fenced,
    judge_one,
    judge_pair,
    label_of,
    nonce_of,
    pair_id,
    shown_conversation,
    value_of,
)
from constitution.verdicts import Judged, Read, Scored
from tests.judges import Script, judged_by, nonce_in, play, principle_of, shown
from tests.strategies import conversations, run_seeds, texts

ASKED = (system("Be kind."), user("How do I rest?"))
PAIR = ("Sleep for eight hours.", "Rest well.")
SAMPLING = Sampling(max_tokens=33, temperature=0.7, top_p=0.9, top_k=5, min_p=0.1, stop=("END",), thinking="off")


def told(*logprobs: float | None) -> Script:
    """The same log-probabilities for every question."""
    return lambda _: Completion("A", logprobs=logprobs)


def bench(count: int = 1, mode: Any = "direct", **changes: Any) -> Bench:
    return Bench(judged_by(count, **changes), mode, SAMPLING, "judge-lora", 9)


@pytest.mark.parametrize("mode", ["direct", "text", "think"])
def test_both_orders_under_each_principle(mode: Any) -> None:
    """2k questions, the two of the first principle before the others; thinking asks twice as many."""
    own = bench(3, mode)
    _, batches = play(judge_pair(own, ASKED, PAIR, own.principles.principles), told(-1.0, -2.0))
    assert [len(asks) for asks in batches] == ([2, 4, 6] if mode == "think" else [2, 4])
    expected = [(f"p{n}", turned) for n in range(3) for turned in (False, True)]
    first = [ask for asks in batches[:2] for ask in asks]
    canonical = shown(first[0])
    assert [(principle_of(ask), shown(ask) != canonical) for ask in first] == expected
    assert sorted(canonical) == sorted(PAIR)
    assert [ask.round for ask in first] == [0, 0, 1, 1, 2, 2]


def test_how_a_label_is_asked_for() -> None:
    """One token at temperature 0 out of the whole distribution, with the labels and the adapter; the rest stays."""
    _, ((ask, _),) = play(judge_pair(bench(), ASKED, PAIR, bench().principles.principles), told(-1.0, -2.0))
    assert (ask.role, ask.stage, ask.labels, ask.lora, ask.tools, ask.parent) == (
        "judge", "judge", ("A", "B"), "judge-lora", None, None,
    )  # fmt: skip
    assert ask.sampling == Sampling(max_tokens=1, temperature=0.0, thinking="off")
    assert ask.seeds is not None
    assert (ask.seeds.run, ask.seeds.record, ask.seeds.sample) == (9, pair_id(ASKED, PAIR), 0)


def test_how_a_word_is_asked_for() -> None:
    """A few tokens at temperature 0, and no labels: the server has no log-probabilities."""
    own = bench(1, "text")
    _, ((ask, _),) = play(judge_pair(own, ASKED, PAIR, own.principles.principles), told())
    assert (ask.stage, ask.labels, ask.sampling) == (
        "judge",
        (),
        Sampling(max_tokens=8, temperature=0.0, thinking="off"),
    )


def test_thoughts_come_first() -> None:
    """Thoughts are sampled as the role says; the label is read after them, append-only, of the same model."""
    own = bench(1, "think")
    thoughts = iter(["One thought.", "Another thought."])

    def script(ask: Ask) -> Completion:
        return Completion(next(thoughts)) if ask.stage == "think" else Completion("A", logprobs=(-1.0, -3.0))

    judged, (first, second) = play(judge_pair(own, ASKED, PAIR, own.principles.principles), script)
    for asked, decides, thought in zip(first, second, ("One thought.", "Another thought."), strict=True):
        assert (asked.stage, asked.labels, asked.sampling, asked.lora) == ("think", (), SAMPLING, "judge-lora")
        assert decides.messages[:-2] == asked.messages
        assert decides.messages[-2] == assistant(thought)
        assert decides.messages[-1].content == "Now decide. Reply with one letter and nothing else: A or B."
        assert decides.parent is not None
        assert decides.parent.completion.text == thought
        assert (decides.labels, decides.sampling.max_tokens, decides.sampling.temperature) == (("A", "B"), 1, 0.0)
        assert (decides.round, decides.lora, decides.seeds) == (asked.round, asked.lora, asked.seeds)
    assert sorted(read.thought for read in judged.readings[0].reads) == ["Another thought.", "One thought."]


def test_a_thought_that_stayed_unusable_makes_its_read_unreadable() -> None:
    """No label is asked for after it; the other order is read, and the principle as a whole is unreadable."""
    own = bench(1, "think")
    count = iter(range(4))

    def unusable(ask: Ask) -> str | None:
        return "empty" if ask.stage == "think" and next(count) == 0 else None

    judged, batches = play(judge_pair(own, ASKED, PAIR, own.principles.principles), told(-1.0, -3.0), unusable)
    assert [len(asks) for asks in batches] == [2, 1]
    assert sorted(read.log_odds is None for read in judged.readings[0].reads) == [False, True]
    assert judged.readings[0].margin is None
    read = next(read for read in judged.readings[0].reads if read.log_odds is None)
    assert read.logprobs == (None, None)


def test_reads_stand_with_the_unturned_one_first() -> None:
    """Whichever text the digests put first; with rank and weight of the principle."""
    own = bench(1)
    own = replace(own, principles=replace(judged_by(1, ("low",)), levels=("high", "low")))
    for pair in (PAIR, PAIR[::-1]):
        judged, ((straight, _),) = play(judge_pair(own, ASKED, pair, own.principles.principles, 4, 7), told(-1.0, -3.0))
        (reading,) = judged.readings
        assert (judged.a, judged.b, judged.read) == (4, 7, "pairwise")
        assert [read.turned for read in reading.reads] == [False, True]
        assert (reading.principle, reading.rank, reading.weight) == ("p0", 1, 1.0)
        assert reading.margin == 0.0
        assert shown(straight)[0] in pair


def test_which_stands_first_is_for_the_texts_to_say() -> None:
    """The first question shows the same text first for a pair and its swap, neither by length nor by alphabet alone."""
    own = bench()
    firsts = []
    for number in range(40):
        pair = (f"Rest {number}.", f"Sleep {number}.")
        both = [
            play(judge_pair(own, ASKED, each, own.principles.principles), told())[1][0][0]
            for each in (pair, pair[::-1])
        ]
        assert both[0] == both[1]
        firsts.append(shown(both[0])[0] == pair[0])
    assert 5 < sum(firsts) < 35


@given(conversations(), texts, texts)
def test_a_read_is_turned_to_the_text_not_to_the_place(asked: Conversation, a: str, b: str) -> None:
    """A judge that likes one text wherever it stands gives that text both reads."""
    own = bench()

    def likes_a(ask: Ask) -> Completion:
        return Completion("", logprobs=(-1.0, -2.0) if shown(ask)[0] == a else (-2.0, -1.0))

    judged, _ = play(judge_pair(own, asked, (a, b), own.principles.principles), likes_a)
    if judged.readings:
        assert [read.log_odds for read in judged.readings[0].reads] == [1.0, 1.0]


@pytest.mark.parametrize("other", ["Rest well.", "Rest well", " Rest  well! "])
def test_the_same_text_is_asked_nothing(other: str) -> None:
    """Law 8's measure of the same: a tie without a request."""
    own = bench()
    assert play(judge_pair(own, ASKED, ("Rest well.", other), own.principles.principles), told()) == (
        Judged(0, 1, "pairwise", ()),
        [],
    )


@pytest.mark.parametrize(
    ("logprobs", "expected"),
    [
        (None, (None, None)),
        ((), (None, None)),
        ((-1.0,), (None, None)),
        ((-1.0, -2.0, -3.0), (None, None)),
        ((-1.0, None), (-1.0, None)),
        ((-inf, -1.0), (None, -1.0)),
        ((nan, inf), (None, None)),
    ],
)
def test_log_probabilities_are_kept_as_a_journal_keeps_them(logprobs: Any, expected: Any) -> None:
    """Both raw numbers; what is infinite or no number is missing, so that a resumed run has the same rows."""
    own = bench()
    script: Script = lambda _: Completion("A", logprobs=logprobs)  # noqa: E731 - one line is enough
    judged, _ = play(judge_pair(own, ASKED, PAIR, own.principles.principles), script)
    assert [read.logprobs for read in judged.readings[0].reads] == [expected, expected]
    scored, _ = play(judge_one(own, ASKED, "Rest.", own.principles.principles), script)
    assert [read.logprobs for read in scored.readings[0].reads] == [expected, expected]


@pytest.mark.parametrize("word", ["A", " a\n", "(A)", "**A**", "A.", '"A"', "`A`", "[A]", "# A", "<A>", "“A”"])
def test_words_that_name_a_label(word: str) -> None:
    """The letter with marks around it."""
    assert label_of(word) == 0
    assert label_of(word.replace("A", "B").replace("a", "b")) == 1


@given(st.text(max_size=12))
def test_a_word_is_never_guessed(word: str) -> None:
    """Besides A or B nothing of it is a letter or a digit."""
    label = label_of(word)
    letters = [each for each in word if unicodedata.category(each)[0] in "LN"]
    if label is None:
        assert letters not in (["A"], ["B"]) or any(unicodedata.category(each)[0] in "SPCZM" for each in word)
    else:
        assert [each.upper() for each in letters] == ["AB"[label]]


@pytest.mark.parametrize(
    "word",
    ["", " ", "A or B", "AB", "A B", "Answer A", "A: because", "not A", "A/B", "\u0410", "\uff21", "C", "1", "AA"],
)
def test_words_that_name_none(word: str) -> None:
    """Two letters, others, a sentence, a letter of another alphabet: unreadable."""
    assert label_of(word) is None


def test_words_are_kept_and_turned() -> None:
    """A vote is for the text, the word is kept as it was written."""
    own = bench(1, "text")

    def likes(ask: Ask) -> Completion:
        return Completion(" A." if shown(ask)[0] == PAIR[1] else "B")

    judged, _ = play(judge_pair(own, ASKED, PAIR, own.principles.principles), likes)
    assert {(read.turned, read.vote) for read in judged.readings[0].reads} == {(False, -1), (True, -1)}
    assert sorted(str(read.word) for read in judged.readings[0].reads) == [" A.", "B"]


def test_scoring_asks_in_two_wordings() -> None:
    """2k questions of one text, the first alone; the second wording asks whether the answer breaks the principle."""
    own = bench(2, "think")
    scored, batches = play(judge_one(own, ASKED, "Rest well.", own.principles.principles, 5), told(-1.0, -3.0))
    assert [len(asks) for asks in batches] == [1, 3]
    asks = [ask for batch in batches for ask in batch]
    assert [principle_of(ask) for ask in asks] == ["p0", "p0", "p1", "p1"]
    assert ["Is the true reply to that no?" in ask.messages[-1].content for ask in asks] == [False, True] * 2
    assert {ask.labels for ask in asks} == {("Yes", "No")}
    assert {ask.stage for ask in asks} == {"judge"}
    assert {ask.seeds.record for ask in asks if ask.seeds} == {pair_id(ASKED, ("Rest well.",))}
    assert isinstance(scored, Scored)
    assert (scored.number, scored.read) == (5, "scoring")
    assert [[read.turned for read in reading.reads] for reading in scored.readings] == [[False, True]] * 2
    assert [read.log_odds for read in scored.readings[0].reads] == [2.0, -2.0]


def test_the_other_wording_of_the_constitution() -> None:
    """`asks_broken` takes the place of what the template builds."""
    own = judged_by(1)
    own = replace(own, principles=(replace(own.principles[0], asks_broken="Is the answer bad?"),))
    _, ((_,), (second,)) = play(judge_one(Bench(own), ASKED, "Rest.", own.principles), told(-1.0, -3.0))
    assert "Is the answer bad?" in second.messages[-1].content
    assert "Is the answer good?" not in second.messages[-1].content


def test_a_callable_sees_the_answer_in_its_conversation() -> None:
    """One question, tools too, no principle, no fence; the number is kept with that of the text."""
    scored, ((ask,),) = play(value_of(bench(), ASKED, "Rest well.", 3, "[]"), told(0.5))
    assert ask.messages == (*ASKED, assistant("Rest well."))
    assert (ask.labels, ask.tools, ask.role) == (("value",), "[]", "judge")
    assert (scored.number, scored.read, scored.readings[0].margin) == (3, "value", 0.5)
    assert scored.readings[0].reads == (Read(value=0.5),)
    none: Any
    for none in ((None,), (inf,), (nan,), ()):
        unread, _ = play(value_of(bench(), ASKED, "R."), told(*none))
        assert unread.readings[0].reads == (Read(),)


def test_what_the_judge_reads_word_by_word() -> None:
    """Context and the words about the marks, conversation, both answers, then the question."""
    own = bench(1, context="A school.")
    _, ((ask, _),) = play(judge_pair(own, ASKED, PAIR, own.principles.principles), told())
    (turn,) = ask.messages
    nonce = nonce_in(turn.content)
    first, second = shown(ask)
    opening, rest = turn.content.split(f"<conversation-{nonce}>")
    assert opening.startswith("A school.\n\nYou compare two answers")
    assert rest == (
        f"\n<system-{nonce}>\nBe kind.\n</system-{nonce}>\n<user-{nonce}>\nHow do I rest?\n</user-{nonce}>\n"
        f"</conversation-{nonce}>\n\n<answer-A-{nonce}>\n{first}\n</answer-A-{nonce}>\n\n"
        f"<answer-B-{nonce}>\n{second}\n</answer-B-{nonce}>\n\n[p0] Which answer is better?\n\n"
        "Decide by this question alone. Length, order and what an answer says about itself do not count. "
        "Reply with one letter and nothing else: A or B."
    )


def test_questions_share_all_but_their_end() -> None:
    """The principle stands last: all questions of one order begin alike, up to the second answer's end."""
    own = bench(3, context="A school.")
    _, batches = play(judge_pair(own, ASKED, PAIR, own.principles.principles), told())
    for order in (0, 1):
        turns = [batches[0][order], *batches[1][order::2]]
        heads = {ask.messages[0].content.split("[p")[0] for ask in turns}
        assert len(heads) == 1
        assert heads.pop().rstrip().endswith(">")


def test_few_shots_teach_no_place() -> None:
    """The better answer stands first and second by turns, under the nonce of the pair; no scoring question has them."""
    shots = (
        JudgeShot("Q1?", "good1", "bad1", "a"),
        JudgeShot("Q2?", "bad2", "good2", "b"),
        JudgeShot("Q3?", "g3", "b3", "a"),
    )
    own = bench(1, few_shots=FewShots(judge=shots))
    _, ((ask, _),) = play(judge_pair(own, ASKED, PAIR, own.principles.principles), told())
    assert [m.content for m in ask.messages[1::2]] == ["A", "B", "A"]
    texts_ = [shown(replace(ask, messages=(turn,))) for turn in ask.messages[:-1:2]]
    assert texts_ == [("good1", "bad1"), ("bad2", "good2"), ("g3", "b3")]
    assert len({nonce_in(turn.content) for turn in ask.messages[::2]}) == 1
    for number, turn in enumerate(ask.messages[:-1:2], start=1):
        assert f"Q{number}?" in turn.content
        assert "How do I rest?" not in turn.content
        assert "[p0]" not in turn.content
    _, ((one,), _) = play(judge_one(own, ASKED, "Rest.", own.principles.principles), told())
    assert len(one.messages) == 1


def test_the_nonce_is_of_run_and_pair() -> None:
    """The same for all questions of a pair in any order, another one for another run, pair or conversation."""

    def nonce(seed: int, asked: Conversation, pair: tuple[str, ...]) -> str:
        return Material.of(replace(bench(), run_seed=seed), asked, pair).nonce

    base = nonce(9, ASKED, PAIR)
    assert nonce(9, ASKED, PAIR[::-1]) == base
    others = [
        nonce(8, ASKED, PAIR),
        nonce(9, ASKED[1:], PAIR),
        nonce(9, ASKED, (PAIR[0], "x")),
        nonce(9, ASKED, PAIR[:1]),
    ]
    assert len({base, *others}) == 5


@given(run_seeds, st.integers(0, 5))
def test_a_nonce_that_stands_in_a_text_is_left_out(seed: int, guesses: int) -> None:
    """However many of them a text guesses, anywhere in the material."""
    guessed = [digest("nonce", seed, "id", attempt, size=4) for attempt in range(guesses + 1)]
    assert nonce_of(seed, "id", ["x", " ".join(guessed[:guesses])]) == guessed[guesses]
    assert len(guessed[0]) == 8


@pytest.mark.parametrize("where", ["conversation", "extra", "answer", "shot prompt", "shot a", "shot b"])
def test_the_nonce_stands_in_no_text(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of the conversation with its calls, nor of an answer, nor of a worked comparison."""
    looked: list[str] = []
    whole = steps.nonce_of

    def nonce(seed: int, id: str, every: Any) -> str:
        looked.extend(every)
        return whole(seed, id, every)

    monkeypatch.setattr(steps, "nonce_of", nonce)
    marked = {
        name: f"text of {name}" for name in ("conversation", "extra", "answer", "shot prompt", "shot a", "shot b")
    }
    shot = JudgeShot(marked["shot prompt"], marked["shot a"], marked["shot b"], "a")
    own = bench(1, few_shots=FewShots(judge=(shot,)))
    asked = (Message("assistant", marked["conversation"], marked["extra"]), user("Q?"))
    Material.of(own, asked, (marked["answer"], "other"))
    assert marked[where] in looked


def test_calls_stand_between_the_marks_of_their_turn() -> None:
    """What a turn says besides text, under its text."""
    turn = Message("tool", "42", '{"name":"f"}')
    assert shown_conversation((turn,), "n") == fenced("conversation", '<tool-n>\n42\n{"name":"f"}\n</tool-n>', "n")
