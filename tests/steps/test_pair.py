"""Pairs: policies, law 8, contradictions, checks."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.checks import Checked
from constitution.messages import user
from constitution.records import Draft as FirstDraft
from constitution.records import Dropped, Failure, PreferencePair, Revision, Round, Trace
from constitution.steps.confirm import Confirming
from constitution.steps.filter import leaks, normalised, same_text, trigram_jaccard
from constitution.steps.pair import PAIR_POLICIES, Pairing, PairPolicy, Settled, pairs, settle_chain, settle_input
from constitution.steps.settle import Settler, by_input
from tests.strategies import traces

policies = st.sampled_from(PAIR_POLICIES)


def trace(draft: str | None, *texts: str | None, ids: str = "pqrst", record: str = "r") -> Trace:
    """A trace with a round for each text; `!reason` is a defect, `?reason` an unusable round, None a finding."""
    rounds = []
    for number, (text, id) in enumerate(zip(texts, ids, strict=False), start=1):
        if text is None:
            rounds.append(Round(number, id))
        elif text.startswith("?"):
            rounds.append(Round(number, id, unusable=text[1:]))
        elif text.startswith("!"):
            rounds.append(Round(number, id, revision=Revision("Bad.", defect=text[1:])))
        else:
            rounds.append(Round(number, id, revision=Revision(text)))
    first = None if draft is None else FirstDraft(draft)
    return Trace(record, 0, (user("Q?"),), first, tuple(rounds), reason=None if draft else "empty")


def told(proposals: tuple[PreferencePair | Dropped, ...]) -> list[str]:
    """Each proposal as `rejected>chosen` or as its reason."""
    return [
        proposal.reason if isinstance(proposal, Dropped) else f"{proposal.rejected}>{proposal.chosen}"
        for proposal in proposals
    ]


@pytest.mark.parametrize(
    ("policy", "texts", "expected"),
    [
        ("first_last", ("b", "c"), ["a>c"]),
        ("first_last", ("b", None), ["a>b"]),
        ("first_last", ("b", "!leak"), ["a>b"]),
        ("first_last", ("!leak", "!equal"), ["equal"]),
        ("first_last", ("?empty", "b"), ["a>b"]),
        ("first_last", (None, None), []),
        ("first_last", ("?empty", "?truncated"), []),
        ("adjacent", ("b", "c"), ["a>b", "b>c"]),
        ("adjacent", ("b", "!leak", "c"), ["a>b", "leak", "b>c"]),
        ("adjacent", (None, "b"), ["a>b"]),
        ("adjacent", ("b", "c", "b"), ["a>b", "contradictory", "contradictory"]),
        ("adjacent", ("b.", "c", "b"), ["a>b.", "contradictory", "contradictory"]),
        ("all", ("b", "c"), ["a>b", "a>c", "b>c"]),
        ("all", ("b", "!leak", "c"), ["leak", "a>b", "a>c", "b>c"]),
        ("all", ("b", "c", "b"), ["a>b", "a>c", "a>b", "contradictory", "equal", "contradictory"]),
        ("all", ("b", "b!"), ["a>b", "a>b!", "equal"]),
    ],
)
def test_policies(policy: PairPolicy, texts: tuple[str | None, ...], expected: list[str]) -> None:
    """Each policy proposes what it says; contradictory pairs are dropped both ways."""
    assert told(pairs(trace("a", *texts), Pairing(policy), {})) == expected


@given(traces(), policies, st.booleans())
def test_law_8(made: Trace, policy: PairPolicy, keep: bool) -> None:
    """Every kept pair: two texts that differ, neither empty nor, in the draft, a leak of the machinery."""
    confirming = Confirming(if_worse="keep" if keep else "drop")
    for pair in pairs(made, Pairing(policy, confirming), {}):
        if isinstance(pair, PreferencePair):
            assert not same_text(pair.chosen, pair.rejected)
            assert normalised(pair.rejected)
            assert pair.rejected != (made.draft and made.draft.text) or not leaks(pair.rejected)
            assert 0 <= pair.rounds[0] < pair.rounds[1]
            assert pair.similarity == trigram_jaccard(pair.rejected, pair.chosen)


@given(traces(), policies)
def test_no_contradictions(made: Trace, policy: PairPolicy) -> None:
    """No two kept pairs of a trace say the opposite."""
    kept = [p for p in pairs(made, Pairing(policy), {}) if isinstance(p, PreferencePair)]
    given_too = {(normalised(pair.chosen), normalised(pair.rejected)) for pair in kept}
    assert not any((rejected, chosen) in given_too for chosen, rejected in given_too)


@given(traces())
def test_sizes(made: Trace) -> None:
    """First_last proposes one pair at most, adjacent one a revision, all what adjacent does and more."""
    revisions = sum(1 for round in made.rounds if round.revision)
    proposals = {policy: pairs(made, Pairing(policy), {}) for policy in PAIR_POLICIES}  # type: ignore[arg-type]  # names
    if not proposals["adjacent"]:
        assert all(not found for found in proposals.values())
        return
    assert len(proposals["first_last"]) == 1
    assert len(proposals["adjacent"]) == revisions
    good = sum(1 for round in made.rounds if round.revision and round.revision.good)
    assert len(proposals["all"]) == (revisions - good) + good * (good + 1) // 2


@given(traces(), policies)
def test_principles_and_rounds_of_a_pair(made: Trace, policy: PairPolicy) -> None:
    """A pair names the principles of the rounds between its two texts, and the rounds say which texts they are."""
    texts = {0: made.draft.text if made.draft else ""} | {r.number: r.revision.text for r in made.rounds if r.revision}
    for pair in pairs(made, Pairing(policy), {}):
        if isinstance(pair, PreferencePair):
            first, last = pair.rounds
            assert (texts[first], texts[last]) == (pair.rejected, pair.chosen)
            stand = [r for r in made.rounds[first:last] if r.revision is not None and r.revision.defect is None]
            assert pair.principles == tuple(r.principle for r in stand)


@pytest.mark.parametrize(
    ("draft", "reason"), [("...", "empty"), ("\u200b", "empty"), ("Rest.</think>", "leak"), ("<|im_end|>", "leak")]
)
def test_a_draft_that_can_be_no_side(draft: str, reason: str) -> None:
    """A draft that says nothing, or shows the machinery, gives no pair and is not fine (law 8)."""
    assert settle_chain(trace(draft, "b"), Pairing(), {}) == Settled("dropped", reason)
    assert settle_chain(trace(draft, None), Pairing(), {}) == Settled("dropped", reason)


def no_x(text: str) -> Checked:
    return Checked("x" not in text)


def short(text: str) -> Checked:
    return Checked(len(text) < 4)


CHECKS = {"p": (no_x,), "q": (no_x, short)}


@pytest.mark.parametrize(
    ("draft", "chosen", "ids", "expected"),
    [
        ("a", "bx", "p", "check_worse"),
        ("ax", "b", "p", "kept"),
        ("ax", "bx", "p", "kept"),
        ("a", "b", "p", "kept"),
        ("a", "bx", "s", "kept"),
        ("a", "long text", "q", "check_worse"),
        ("ax", "long text", "q", "kept"),
    ],
)
def test_check_worse(draft: str, chosen: str, ids: str, expected: str) -> None:
    """A pair whose rejected text keeps a check of a drawn principle that the chosen one breaks is dropped."""
    made = trace(draft, chosen, ids=ids)
    (proposal,) = pairs(made, Pairing(), CHECKS)
    assert isinstance(proposal, PreferencePair if expected == "kept" else Dropped)
    if isinstance(proposal, Dropped):
        assert proposal == Dropped("check_worse", ids)
    (kept,) = pairs(made, Pairing(confirming=Confirming(if_worse="keep")), CHECKS)
    assert isinstance(kept, PreferencePair)


def test_checks_of_all_drawn_principles_count() -> None:
    """Principles drawn in any round are checked, once each and in the order of drawing, undrawn ones are not."""
    (proposal,) = pairs(trace("ax", None, "b", None, ids="sqp"), Pairing(), CHECKS)
    assert isinstance(proposal, PreferencePair)
    assert [(c.principle, c.rejected_keeps, c.chosen_keeps) for c in proposal.checks] == [
        ("q", False, True),
        ("p", False, True),
    ]
    (worse,) = pairs(trace("a", "bx", None, ids="sp"), Pairing(), CHECKS)
    assert worse == Dropped("check_worse", "p")


def test_all_worse_principles_are_named() -> None:
    """The dropped pair names every principle that got worse."""
    (proposal,) = pairs(trace("a", "bx", None, ids="pq"), Pairing(), CHECKS)
    assert proposal == Dropped("check_worse", "p, q")


def test_near_copies_are_kept() -> None:
    """One sentence more is a near copy, flagged by its similarity and kept."""
    draft = " ".join(f"Word{n} follows word{n + 1} here." for n in range(40))
    (proposal,) = pairs(trace(draft, draft + " And rest."), Pairing(), {})
    assert isinstance(proposal, PreferencePair)
    assert 0.9 < proposal.similarity < 1


def test_a_failure_is_failed() -> None:
    """A failure is settled by the class of its error, whatever the policy."""
    failed = Failure("r", 0, "draft", "RequestRefused", "no")
    assert settle_chain(failed, Pairing(), {}) == Settled("failed", "RequestRefused")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("b",), Settled("paired", None)),
        ((None, None), Settled("fine", None)),
        ((None, "?empty"), Settled("dropped", "empty")),
        (("?truncated", "?empty"), Settled("dropped", "truncated")),
        (("!leak", "?empty"), Settled("dropped", "leak")),
        (("!leak", None), Settled("dropped", "leak")),
    ],
)
def test_outcomes(texts: tuple[str | None, ...], expected: Settled) -> None:
    """Paired, fine or dropped, with the reason that the rules give."""
    settled = settle_chain(trace("a", *texts), Pairing(), {})
    assert (settled.outcome, settled.reason) == (expected.outcome, expected.reason)


CHAINS = {
    "paired": Settled("paired", None),
    "fine": Settled("fine", None),
    "dropped": Settled("dropped", "equal"),
    "other drop": Settled("dropped", "leak"),
    "failed": Settled("failed", "RequestRefused"),
}


@pytest.mark.parametrize(
    ("chains", "outcome", "reason"),
    [
        (("failed", "dropped", "fine", "paired"), "paired", None),
        (("failed", "dropped", "fine"), "fine", None),
        (("failed", "other drop", "dropped"), "dropped", "leak"),
        (("failed", "failed"), "failed", "RequestRefused"),
    ],
)
def test_an_input_of_several_chains(chains: tuple[str, ...], outcome: str, reason: str | None) -> None:
    """Paired if any chain is, else fine, else dropped, else failed; the reason is that of the first such chain."""
    settled = settle_input([CHAINS[name] for name in chains])
    assert (settled.outcome, settled.reason) == (outcome, reason)


def test_an_input_has_a_chain() -> None:
    """Nothing cannot be settled."""
    with pytest.raises(ValueError, match="at least one chain"):
        settle_input([])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3)), max_size=5, unique_by=lambda item: item[0]))
def test_chains_by_input(groups: list[tuple[str, int]]) -> None:
    """Chains that stand together are one input; the settler settles them as its parts do."""
    chains = [trace("a", "b", record=record) for record, count in groups for _ in range(count)]
    settler = Settler(Pairing(), {})
    found = list(by_input(iter(chains)))
    assert Counter({group[0].record: len(group) for group in found}) == Counter(dict(groups))
    for group in found:
        assert settler.input(group) == settle_input([settler.chain(chain) for chain in group])
