"""The proof of the labels: an oracle is believed, a biased judge is not, and a swap changes nothing but the sign."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.digest import uniform
from constitution.engine import Completion, request_key
from constitution.messages import Conversation, Prompt, user
from constitution.principles import FewShots, JudgeShot
from constitution.recipes.ai_feedback import AIFeedback
from constitution.recipes.judging import Judging
from constitution.records import Dropped, PreferencePair, Trace
from constitution.run.chain import Chains, Memory
from constitution.seeds import Seeds
from constitution.steps.filter import leaks, normalised, same_text
from constitution.steps.judge import JUDGE_MODES, Bench, judge_pair
from constitution.steps.label import CandidatePolicy, Labelling, labelled_pairs
from constitution.verdicts import Judged, Opinion, Verdict, opinions, verdict
from tests.judges import (
    PROMPT,
    SEEDS,
    WAYS,
    Asked,
    Judge,
    Kind,
    Way,
    hidden,
    judged_by,
    judging,
    oracle,
    principle_of,
    readings,
    said,
    shown,
)
from tests.strategies import answered, conversations, drive, run_seeds, scripted, sentences, served, texts

POLICIES: tuple[CandidatePolicy, ...] = ("all", "best_worst", "against_draft")
WORDS = (
    "amber",
    "basket",
    "candle",
    "distant",
    "early",
    "forest",
    "garden",
    "harbour",
    "island",
    "jacket",
    "{{ 7*7 }}",
)


def answers(chance: random.Random, count: int) -> tuple[str, ...]:
    """Distinct answers in any order."""
    return tuple(f"{' '.join(chance.choices(WORDS, k=chance.randint(1, 8)))} {chance.random()}." for _ in range(count))


def expected(trace: Trace, policy: CandidatePolicy) -> list[tuple[str, str]]:
    """Chosen and rejected of each pair, by the hidden order alone."""
    every = [candidate.text for candidate in trace.candidates]
    if policy == "best_worst":
        return [(max(every, key=hidden), min(every, key=hidden))]
    pairs = list(combinations(every, 2)) if policy == "all" else [(every[0], other) for other in every[1:]]
    return [(max(pair, key=hidden), min(pair, key=hidden)) for pair in pairs]


def labels(trace: Trace, labelling: Labelling) -> list[tuple[str, str] | str]:
    """Chosen and rejected, or the reason."""
    return [
        (made.chosen, made.rejected) if isinstance(made, PreferencePair) else made.reason
        for made in labelled_pairs(trace, labelling)
    ]


@pytest.mark.parametrize("way", WAYS, ids=".".join)
def test_an_oracle_relabels_ten_thousand_pairs(way: Way) -> None:
    """In every read and mode, under every policy, whatever the order: 100 % right, though it likes the first answer."""
    chance, judge, seen = random.Random(7), oracle(first=0.1, yes=2.0), 0
    recipe = AIFeedback(judging(way), policy="all")
    for number in range(1000):
        prompt = replace(PROMPT, id=f"r{number}", responses=answers(chance, 5))
        judge.asked.clear()
        trace, _ = drive(recipe, prompt, Seeds(3, prompt.id), judge)
        for policy in POLICIES:
            found = labels(trace, Labelling(policy))
            assert found == expected(trace, policy)
            seen += len(found) if policy == "all" else 0
    assert seen == 10_000


@given(
    st.sampled_from(WAYS),
    st.sampled_from(POLICIES),
    st.lists(texts, min_size=2, max_size=6, unique=True),
    st.randoms(use_true_random=False),
    st.integers(0, 4),
    st.integers(1, 3),
    run_seeds,
)
def test_the_oracle_is_believed_whatever_the_texts(
    way: Way, policy: CandidatePolicy, said: list[str], chance: random.Random, ties: int, under: int, seed: int
) -> None:
    """Any texts that law 8 allows, in any order, under levels of which the higher ones tie."""
    levels = tuple(f"l{n}" for n in range(under))
    tying = {f"p{n}" for n in range(min(ties, under - 1))}
    knows = oracle(first=0.05, yes=1.0)
    judge = Judge(
        lambda a, b, p: 0.0 if p in tying else knows.odds(a, b, p),
        lambda text, p: 0.0 if p in tying else knows.worth(text, p),
        first=0.05,
        yes=1.0,
    )
    recipe = AIFeedback(judging(way, judged_by(under, levels)), policy=policy)
    chance.shuffle(said)
    trace, _ = drive(recipe, replace(PROMPT, responses=tuple(said)), Seeds(seed, "r"), judge)
    usable = [candidate for candidate in trace.candidates if candidate.text in kept(said)]
    found = labels(trace, Labelling(policy, keep_inconsistent=way == ("pairwise", "text")))
    if len(usable) < 2:
        assert (found, trace.reason) == ([], "too_few")
    elif way == ("pairwise", "text") and tying:
        assert set(found) <= {"tie", *expected(replace(trace, candidates=tuple(usable)), policy)}
    else:
        assert found == expected(replace(trace, candidates=tuple(usable)), policy)


def kept(said: list[str]) -> list[str]:
    """Those that can be a side of a pair, each once."""
    found: list[str] = []
    for text in said:
        if normalised(text) and not leaks(text) and not any(same_text(text, other) for other in found):
            found.append(text)
    return found


def run_all(recipe: AIFeedback, inputs: list[Prompt], judge: Judge, at_once: int) -> dict[str, Trace]:
    async def run() -> dict[str, Trace]:
        engine = scripted(judge, latency_ms=0.2, max_in_flight=at_once)
        results = await Chains(recipe, await served(recipe, engine), 3).run_all(inputs, [Memory() for _ in inputs])
        return {result.record: result for result in results if isinstance(result, Trace)}

    return asyncio.run(run())


@pytest.mark.parametrize("way", WAYS, ids=".".join)
def test_concurrency_changes_no_label(way: Way) -> None:
    """One at a time or all at once, in any order of the input: the same traces, and the oracle is right."""
    chance = random.Random(11)
    inputs = [
        Prompt(f"r{n}", (user(f"Question {n}?"),), responses=answers(chance, 3) if n % 2 else ()) for n in range(24)
    ]

    def judge() -> Judge:
        return replace(oracle(), drafts=lambda asked: f"Draft {asked.sampling.seed} of {asked.messages[-1].content}")

    recipe = AIFeedback(judging(way), candidates=3, policy="all")
    alone, together = run_all(recipe, inputs, judge(), 1), run_all(recipe, inputs[::-1], judge(), 64)
    assert alone == together
    assert len(alone) == 24
    for trace in alone.values():
        assert labels(trace, Labelling("all")) == expected(trace, "all")


@pytest.mark.parametrize("way", WAYS[:3], ids=".".join)
@given(said=st.lists(texts, min_size=2, max_size=4, unique=True), likes=st.floats(-20, 20), under=st.integers(1, 4))
@settings(max_examples=25)
def test_a_biased_judge_labels_nothing(way: Way, said: list[str], likes: float, under: int) -> None:
    """A judge that looks at the place alone gives margins of exactly 0, and no policy makes a pair of that."""
    judge = Judge(lambda a, b, p: 0.0, first=likes)
    recipe = AIFeedback(judging(way, judged_by(under, ("x", None))), policy="all")
    trace, _ = drive(recipe, replace(PROMPT, responses=tuple(said)), SEEDS, judge)
    for pair, band in product(trace.judged, (0.0, 0.2)):
        found = verdict(opinions(pair), band)
        assert (found.better, found.p) == ("tie", 0.5)
        assert found.margin == (None if way[1] == "text" else 0.0)
    for policy in POLICIES:
        for keep in (False, True):
            assert set(labels(trace, Labelling(policy, 0.0, keep_inconsistent=keep))) <= {"tie"}


@given(st.lists(texts, min_size=2, max_size=4, unique=True), st.data())
def test_a_judge_that_is_biased_by_any_amount_labels_nothing(said_: list[str], data: st.DataObject) -> None:
    """It prefers the first place every time, more or less: orders disagree, and nothing is kept."""
    amounts = st.floats(0.001, 20)

    def script(asked: Asked) -> Completion:
        assert asked.role == "judge"
        return said(data.draw(amounts))

    recipe = AIFeedback(judging(), policy="all")
    trace, _ = drive(recipe, replace(PROMPT, responses=tuple(said_)), SEEDS, script)
    for policy in POLICIES:
        found = labels(trace, Labelling(policy))
        assert set(found) <= {"tie", "order_inconsistent", "circular"}


def test_a_scoring_judge_that_always_says_yes_labels_nothing() -> None:
    """The liking for yes cancels between the two wordings."""
    judge = Judge(lambda a, b, p: 0.0, yes=7.0)
    trace, _ = drive(
        AIFeedback(judging(("scoring", "direct"))), replace(PROMPT, responses=("A one.", "B two.")), SEEDS, judge
    )
    assert labels(trace, Labelling()) == ["tie"]


benches = st.builds(
    lambda mode, under, levels, shots, context, seed: Bench(
        judged_by(
            under,
            levels[:under],
            context=context,
            few_shots=FewShots(judge=tuple(JudgeShot("Q?", a, b, better) for a, b, better in shots)),
        ),
        mode,
        run_seed=seed,
    ),
    st.sampled_from(JUDGE_MODES),
    st.integers(1, 4),
    st.tuples(*[st.sampled_from([None, "x", "y"])] * 4),
    st.lists(st.tuples(sentences, sentences, st.sampled_from(["a", "b"])), max_size=2),
    st.one_of(st.just(""), sentences),
    run_seeds,
)


@given(benches, conversations(), texts, texts, st.data())
def test_a_swap_negates_the_margin_and_asks_the_same(
    bench: Bench, asked: Conversation, a: str, b: str, data: st.DataObject
) -> None:
    """The very same requests, and the verdict turned round, exactly, whatever the judge says."""
    salt = data.draw(st.integers(0, 99))
    one, other = (judged(bench, asked, pair, salt) for pair in ((a, b), (b, a)))
    assert one[1] == other[1]
    clamp = data.draw(st.one_of(st.none(), st.floats(0.51, 0.99)))
    band = data.draw(st.sampled_from([0.0, 0.2, 2.0]))
    forth, back = verdict(opinions(one[0], clamp), band), verdict(opinions(other[0], clamp), band)
    assert forth == back.turned
    assert back == forth.turned
    if forth.margin is not None:
        assert back.margin == -forth.margin
        assert str(back.margin) != "-0.0"
    if same_text(a, b):
        assert (one[1], forth) == ([], Verdict("tie", 0.0, 0.5))


def judged(bench: Bench, conversation: Conversation, pair: tuple[str, str], salt: int) -> tuple[Judged, list[str]]:
    """What a judge of any mind says, and the sorted keys of what it was asked."""
    keys = []
    flow = judge_pair(bench, conversation, pair, bench.principles.principles)
    recipe = AIFeedback(Judging(bench.principles, mode=bench.mode))
    try:
        asks = next(flow)
        while True:
            sent = []
            for ask in asks:
                seeds = ask.seeds or Seeds(0, "other")
                sampling = replace(ask.sampling, seed=seeds.sampling(ask.stage, ask.round, 1))
                parent = ask.parent.key if ask.parent else None
                key = request_key("m", ask.messages, sampling, labels=ask.labels, lora=ask.lora, parent=parent)
                keys.append(key)
                chance = uniform("any", salt, key)
                told = (
                    said(20 * chance - 10)
                    if ask.labels
                    else f"Thought {chance}."
                    if ask.stage == "think"
                    else "AB?"[int(3 * chance)]
                )
                answer = answered(recipe, ask, told)
                sent.append(replace(answer, key=key))
            asks = flow.send(tuple(sent))
    except StopIteration as stop:
        return stop.value, sorted(keys)


def plain_verdict(found: list[Opinion], band: float) -> tuple[str | None, float | None, int | None]:
    """The rule of the levels again, slowly: better, margin, rank."""
    words = any(opinion.vote is not None for opinion in found)
    for rank in sorted({opinion.rank for opinion in found}):
        said_here = [
            (opinion.vote if words else opinion.margin, opinion.weight) for opinion in found if opinion.rank == rank
        ]
        numbers = [(number, weight) for number, weight in said_here if number is not None]
        if not numbers:
            return None, None, None
        total = sum(weight for _, weight in numbers)
        mean = sum(number * weight / total for number, weight in numbers)
        if mean != 0 and (words or abs(mean) >= band):
            return ("a" if mean > 0 else "b"), (None if words else mean), rank
    return "tie", (None if words else 0.0), None


kinds: st.SearchStrategy[Kind] = st.sampled_from(["odds", "words"])


@st.composite
def judged_pairs(draw: st.DrawFn) -> Judged:
    """A pair that was read under some principles of some levels."""
    kind = draw(kinds)
    return Judged(0, 1, "pairwise", tuple(draw(st.lists(readings(kind), min_size=1, max_size=6))))


@given(judged_pairs(), st.sampled_from([0.0, 0.2, 3.0]))
def test_levels_are_as_written(pair: Judged, band: float) -> None:
    """Against the same rule written again: level by level the weighted mean of what is readable; the first decides."""
    found = verdict(opinions(pair), band)
    better, margin, rank = plain_verdict(list(opinions(pair)), band)
    if margin is not None and abs(abs(margin) - band) < 1e-9:
        return  # the two ways of summing round differently
    assert (found.better, found.rank) == (better, rank)
    assert found.margin == (None if margin is None else pytest.approx(margin))


@given(judged_pairs(), judged_pairs(), st.sampled_from([0.0, 0.2, 3.0]))
def test_a_lower_level_never_changes_what_a_higher_one_decided(pair: Judged, other: Judged, band: float) -> None:
    """Whatever is put below the level that decided, or taken away there: better, margin and p stay."""
    found = verdict(opinions(pair), band)
    if found.rank is None:
        return
    above = [reading for reading in pair.readings if reading.rank <= found.rank]
    words = any(read.word for reading in above for read in reading.reads)
    below = [
        replace(reading, rank=found.rank + 1 + reading.rank)
        for reading in other.readings
        if any(read.word for read in reading.reads) == words
    ]
    again = verdict(opinions(replace(pair, readings=(*below, *above))), band)
    assert (again.better, again.margin, again.p, again.rank) == (found.better, found.margin, found.p, found.rank)
    assert again.position_consistent == found.position_consistent


@given(judged_pairs(), st.sampled_from([0.0, 0.2, 3.0]))
def test_an_unreadable_level_is_never_passed_over(pair: Judged, band: float) -> None:
    """Where the highest level says nothing, no lower one speaks for it."""
    unread = [replace(reading, rank=0, reads=()) for reading in pair.readings[:1]]
    lower = [replace(reading, rank=reading.rank + 1) for reading in pair.readings]
    found = verdict(opinions(replace(pair, readings=(*lower, *unread))), band)
    assert (found.better, found.margin, found.p) == (None, None, None)


@given(judged_pairs(), st.randoms(use_true_random=False))
def test_the_order_of_principles_decides_nothing(pair: Judged, chance: random.Random) -> None:
    """Shuffled readings give the same verdict."""
    shuffled = list(pair.readings)
    chance.shuffle(shuffled)
    one, other = verdict(opinions(pair)), verdict(opinions(replace(pair, readings=tuple(shuffled))))
    assert replace(one, by_principle=()) == replace(other, by_principle=())


@given(st.lists(texts, min_size=2, max_size=5), st.sampled_from(WAYS), st.integers(0, 50))
def test_no_label_is_out_of_nothing(said_: list[str], way: Way, salt: int) -> None:
    """Whatever a judge says, chosen and rejected differ, and chosen is what the margin favours."""

    def any_odds(*what: str) -> float:
        return 4 * uniform("any", salt, *what) - 2

    judge = Judge(any_odds, any_odds)
    trace, _ = drive(
        AIFeedback(judging(way, judged_by(2)), policy="all"), replace(PROMPT, responses=tuple(said_)), SEEDS, judge
    )
    for policy in POLICIES:
        for made in labelled_pairs(trace, Labelling(policy)):
            if isinstance(made, Dropped):
                assert made.reason in ("tie", "order_inconsistent", "circular")
                continue
            assert not same_text(made.chosen, made.rejected)
            assert made.p_chosen is not None
            assert made.p_chosen > 0.5
            assert made.margin is None or made.margin >= 0.2
            assert made.position_consistent in (True, None)


def test_the_first_two_are_asked_alone() -> None:
    """Of 2k reads of a pair the two orders of the first principle go ahead; the others share their prefixes."""
    flow = judge_pair(Bench(judged_by(3)), PROMPT.conversation, ("One.", "Two."), judged_by(3).principles)
    first = next(flow)
    assert [principle_of(ask) for ask in first] == ["p0", "p0"]
    assert len({shown(ask) for ask in first}) == 2
