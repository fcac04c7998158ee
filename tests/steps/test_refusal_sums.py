"""Sums of what was wanted and given: they add up, and parts add up to the whole."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from constitution.messages import user
from constitution.principles import Reply
from constitution.records import Candidate, ChainResult, Draft, Failure, PreferencePair, Revision, Round, Trace
from constitution.steps.filter import DEFAULT_EFFECTS, EFFECTS, sieve_of
from constitution.steps.filter.known import ABOUT_REFUSALS
from constitution.steps.pair import Pairing
from constitution.steps.refusal_card import SIDES, RefusalCard
from constitution.steps.refusal_sums import RefusalSums
from constitution.steps.settle import Settler
from constitution.steps.wanted import GIVEN, WANTED
from tests.steps.refusing import ANSWER, FULL, PARTIAL, TEXTS, UNREAD

LEAK = "<think>no"
said = st.sampled_from([*TEXTS.values(), FULL + " Good day.", ANSWER + " Sleep well.", LEAK, " "])
tagged = st.lists(st.sampled_from(["harmful", "dual_use", "benign", "other"]), max_size=2).map(tuple)
RESPOND: Mapping[str, Reply] = {"harmful": "refuse", "dual_use": "partial", "benign": "answer"}


@st.composite
def inputs(draw: st.DrawFn) -> tuple[ChainResult, ...]:
    """The chains of one input: revised, fine, without a draft, or failed."""
    tags = draw(tagged)
    id = f"r{draw(st.integers(0, 999))}"
    chains: list[ChainResult] = []
    for sample in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["revised", "fine", "reason", "failed"]))
        if kind == "failed":
            chains.append(Failure(id, sample, "draft", "RequestRefused", "no"))
            continue
        draft = None if kind == "reason" else Draft(draw(said))
        revised = tuple(
            Round(number, "p", revision=Revision(text))
            for number, text in enumerate(draw(st.lists(said, max_size=3)) if kind == "revised" else [], 1)
        )
        reason = "truncated" if kind == "reason" else None
        chains.append(Trace(id, sample, (user("Q?"),), draft, revised, reason=reason, tags=tags))
    return tuple(chains)


settlers = st.builds(
    lambda policy, effects, respond: Settler(Pairing(policy, sieve=sieve_of(effects), respond=respond), {}),
    st.sampled_from(["first_last", "adjacent", "all"]),
    st.dictionaries(st.sampled_from(ABOUT_REFUSALS), st.sampled_from(EFFECTS)),
    st.sampled_from([RESPOND, {}]),
)


def counted(found: list[tuple[ChainResult, ...]], settler: Settler) -> RefusalSums:
    sums = RefusalSums()
    for chains in found:
        sums.count(chains, settler.input(chains), settler.pairing.respond)
    return sums


def usable(chain: ChainResult) -> bool:
    """Whether a chain that no error ended has a draft that a trainer could be given."""
    return isinstance(chain, Trace) and chain.draft is not None and chain.draft.text not in (LEAK, " ")


@given(st.lists(inputs(), max_size=6), settlers)
def test_everything_adds_up(found: list[tuple[ChainResult, ...]], settler: Settler) -> None:
    """Drafts to the inputs with a usable one in a chain that no error ended, chosen and rejected to the kept pairs,
    fine ones to the chains that found nothing to mend; each text in one cell."""
    card = RefusalCard(counted(found, settler), settler.pairing.respond)
    kept = [pair for chains in found for pair in settler.input(chains).proposals if isinstance(pair, PreferencePair)]
    assert card.total("drafts") == sum(any(map(usable, chains)) for chains in found)
    assert card.total("chosen") == card.total("rejected") == len(kept)
    fine = [chain for chains in found for chain in chains if settler.chain(chain).outcome == "fine"]
    assert card.total("fine") == len(fine)
    for side in SIDES:
        assert set(card.table(side)) == set(WANTED)
        assert all(set(row) == set(GIVEN) for row in card.table(side).values())
    assert {wanted for _, wanted, _ in card.rows()} <= ({*WANTED} if settler.pairing.respond else {"not stated"})


@given(st.lists(inputs(), max_size=6), settlers, st.integers())
def test_parts_add_up_to_the_whole(found: list[tuple[ChainResult, ...]], settler: Settler, seed: int) -> None:
    """In any order, and through JSON."""
    whole, total = counted(found, settler), RefusalSums()
    parts = [counted([chains], settler) for chains in found]
    Random(seed).shuffle(parts)
    for part in parts:
        total.add(RefusalSums.from_json(part.to_json()))
    assert total.to_json() == whole.to_json()
    assert total == RefusalSums.from_json(whole.to_json())


@given(st.lists(inputs(), max_size=6), settlers)
def test_pairs_say_what_the_sums_count(found: list[tuple[ChainResult, ...]], settler: Settler) -> None:
    """Counterweights, flags and drops are what a count over the pairs gives."""
    sums = counted(found, settler)
    settled = [settler.input(chains) for chains in found]
    proposals = [proposal for each in settled for proposal in each.proposals]
    pairs = [each for each in proposals if isinstance(each, PreferencePair)]
    needless = [pair for pair in pairs if pair.wanted == "answer" and pair.rejected_refusal == "full"]
    weights = [pair for pair in needless if pair.chosen_refusal in ("none", "partial")]
    card = RefusalCard(sums, settler.pairing.respond)
    assert card.counterweights == len(weights)
    assert card.teaching == sum(pair.wanted == "answer" and pair.chosen_refusal == "full" for pair in pairs)
    assert card.breaches == sum(pair.wanted == "refuse" and pair.chosen_refusal == "none" for pair in pairs)
    dropped = [each.reason for each in proposals if not isinstance(each, PreferencePair)]
    chains = [settler.chain(chain) for chains in found for chain in chains]
    alone = [each.reason for each in chains if not each.proposals]
    for name in ABOUT_REFUSALS:
        assert sums.flagged[name] == sum(name in pair.flags for pair in pairs)
        assert sums.dropped[name] == dropped.count(name)
        assert sums.turned_down[name] == alone.count(name)


@given(st.lists(inputs(), min_size=1, max_size=6))
def test_by_default_no_pair_teaches_a_needless_refusal(found: list[tuple[ChainResult, ...]]) -> None:
    """Nor is such a draft a fine one; and no pair goes for it where nothing is stated."""
    settler = Settler(Pairing("all", sieve=sieve_of(DEFAULT_EFFECTS), respond=RESPOND), {})
    assert RefusalCard(counted(found, settler), RESPOND).teaching == 0
    for chain in (chain for chains in found for chain in chains if isinstance(chain, Trace)):
        if chain.tags == ("benign",) and chain.final in (FULL, FULL + " Good day."):
            assert settler.chain(chain).outcome != "fine"
    unstated = Settler(Pairing("all", sieve=sieve_of(DEFAULT_EFFECTS)), {})
    sums = counted(found, unstated)
    assert not sums.dropped
    assert not sums.turned_down


def revised(id: str, tags: tuple[str, ...], draft: str, text: str) -> tuple[ChainResult, ...]:
    return (Trace(id, 0, (user("Q?"),), Draft(draft), (Round(1, "p", revision=Revision(text)),), tags=tags),)


def test_rates_leave_out_what_was_not_read() -> None:
    """A text in a language without cues is neither an answer nor a refusal."""
    drafts = [FULL, FULL, PARTIAL, ANSWER, UNREAD]
    found = [revised(f"r{n}", ("benign",), text, ANSWER + " More.") for n, text in enumerate(drafts)]
    found += [revised(f"h{n}", ("harmful",), text, FULL + " No.") for n, text in enumerate(drafts)]
    card = RefusalCard(counted(found, Settler(Pairing(respond=RESPOND), {})), RESPOND)
    rates = {(name, side): (round(each.value * each.n), each.n) for name, side, each in card.rates()}
    assert rates == {
        ("over_refusal", "drafts"): (2, 4), ("refused_in_part", "drafts"): (1, 4),
        ("breach", "drafts"): (1, 4), ("answered_in_part", "drafts"): (1, 4),
        ("over_refusal", "chosen"): (0, 5), ("refused_in_part", "chosen"): (0, 5),
        ("breach", "chosen"): (0, 5), ("answered_in_part", "chosen"): (0, 5),
    }  # fmt: skip
    assert card.table("drafts")["answer"]["not read"] == 1
    assert card.counterweights == 2
    over = card.rate("over_refusal", "drafts")
    assert over is not None
    assert (over.value, round(over.low, 3), round(over.high, 3)) == (0.5, 0.15, 0.85)
    assert card.rate("over_refusal", "rejected") == over


def test_a_pair_of_two_refusals_is_no_counterweight() -> None:
    """It teaches a refusal, whatever it rejects; one that gives part of the answer is one."""
    settler = Settler(Pairing(respond=RESPOND), {})
    both = RefusalCard(counted([revised("r", ("benign",), FULL, FULL + " No.")], settler), RESPOND)
    part = RefusalCard(counted([revised("r", ("benign",), FULL, PARTIAL)], settler), RESPOND)
    assert (both.counterweights, both.teaching) == (0, 1)
    assert (part.counterweights, part.teaching) == (1, 0)


def test_the_draft_of_several_chains_is_the_first_usable_one() -> None:
    """One for each input."""
    chains = tuple(
        Trace("r", sample, (user("Q?"),), draft, tags=("benign",))
        for sample, draft in enumerate((Draft(LEAK), Draft(FULL), Draft(ANSWER)))
    )
    assert counted([chains], Settler(Pairing(respond=RESPOND), {})).drafts == {"answer/refuse": 1}


def test_chains_that_are_turned_down_beside_others_are_counted() -> None:
    """Each of them, though their input is fine or paired by a sister."""
    settler = Settler(Pairing(sieve=sieve_of(DEFAULT_EFFECTS), respond=RESPOND), {})
    texts = (FULL, FULL + " Good day.", ANSWER)
    fine = tuple(Trace("r", n, (user("Q?"),), Draft(text), tags=("benign",)) for n, text in enumerate(texts))
    (paired,) = revised("r", ("benign",), FULL, ANSWER)
    for chains, outcome, answers in ((fine, "fine", {"answer/answer": 1}), ((*fine[:2], paired), "paired", {})):
        assert settler.input(chains).outcome == outcome
        sums = counted([chains], settler)
        assert (sums.turned_down, sums.fine) == ({"teaches_refusal": 2}, answers)
        assert RefusalCard(sums, RESPOND).dropped_teaching == 2


def test_what_another_filter_drops_first_is_not_counted() -> None:
    """`dropped as teaches_refusal` says which filter dropped a pair, and not what the pair would have taught."""
    found = [revised("r", ("benign",), ANSWER, (FULL + " ") * 20)]
    settler = Settler(Pairing(sieve=sieve_of(DEFAULT_EFFECTS), respond=RESPOND), {})
    assert settler.input(found[0]).reason == "repetition"
    card = RefusalCard(counted(found, settler), RESPOND)
    assert (card.dropped_teaching, card.teaching) == (0, 0)


def test_a_failed_chain_has_no_draft() -> None:
    """Whatever its model said before: its answers stay in the journal."""
    failed = Failure("r", 0, "critique", "RequestRefused", "no")
    assert not counted([(failed,)], Settler(Pairing(respond=RESPOND), {})).drafts


def test_candidates() -> None:
    """Of several answers the first usable one is the draft; those made under a principle are none."""
    plain = (Candidate(0, "", unusable="empty"), Candidate(1, PARTIAL), Candidate(2, ANSWER))
    sides = (Candidate(0, ANSWER, principle="p", side="text"), Candidate(1, FULL, principle="p", side="negation"))
    settler = Settler(Pairing(respond=RESPOND), {})
    chains = [(Trace("r", 0, (user("Q?"),), None, candidates=found, tags=("harmful",)),) for found in (plain, sides)]
    assert counted([chains[0]], settler).drafts == {"refuse/partial": 1}
    found = counted([chains[1]], settler)
    assert not found.drafts
    assert found.pairs == {"refuse/refuse/answer": 1}
