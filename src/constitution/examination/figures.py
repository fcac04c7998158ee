"""The figures of an examination: each a share or a difference of shares, with its 95 % interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from constitution.digest import digest
from constitution.examination.intervals import calibration, difference, share
from constitution.examination.questions import Question
from constitution.examination.reads import ItemReads
from constitution.intervals import Interval
from constitution.verdicts import JudgeRead


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured on some pairs. None stands where there was nothing to measure it on."""

    pairs: int
    """Whose verdict can be read."""
    accuracy: Interval | None
    """How often the better answer won by the read that labels; a tie counts one half."""
    longer_wrong: Interval | None
    """The same where the longer answer is the wrong one."""
    decided: Interval | None
    """How often the better answer won among the pairs that were no tie."""
    ties: Interval | None
    always_first: Interval | None
    """What a judge gets that is asked once, in the order of the requests, and takes the first answer."""
    prefer_longer: Interval | None
    prefer_shorter: Interval | None
    over_longer: Interval | None
    """Accuracy less that of prefer-longer, on the same pairs."""
    flips: Interval | None
    """How often the two orders of the judge's own question disagree."""
    flips_to_first: Interval | None
    """Among those: how often the answer that stood first won."""
    unreadable: Interval | None
    """Of reads of the read that labels."""
    label_mass: Interval | None
    """Mean probability that one of the two labels is said at all, side by side."""
    label_mass_decile: float | None
    """One read of ten has less."""
    calibration_error: Interval | None
    pairwise: Interval | None
    """Accuracy side by side."""
    scoring: Interval | None
    """Accuracy of the two answers examined alone."""
    reads_agree: Interval | None
    """How often both reads prefer the same answer, where both decide."""
    wordings_agree: Interval | None
    """How often the two wordings say the same of an answer."""
    shown: Interval | None
    hidden: Interval | None
    exchanged: Interval | None
    negated: Interval | None
    """Accuracy of the neutral question after the principle's text, after nothing, after another principle's text, after
    the negation."""
    shown_hidden: Interval | None
    """Shown less hidden, on the same pairs."""
    shown_exchanged: Interval | None
    shown_negated: Interval | None


def figures_of(reads: Sequence[ItemReads], read: JudgeRead = "pairwise") -> Figures:
    """All figures of some pairs.

    Args:
        reads: what the judge said of each.
        read: the read that labels.
    """
    scoring = read == "scoring"
    scores = [each.scoring_score if scoring else each.score("asked") for each in reads]
    known = [(each, score) for each, score in zip(reads, scores, strict=True) if score is not None]
    mass = sorted(one for each in reads for one in each.label_mass())
    ps = [p for each in reads if (p := each.scoring_p if scoring else each.p) is not None]
    flips = [each for each in reads if each.flipped is not None]
    return Figures(
        pairs=len(known),
        accuracy=share([score for _, score in known]),
        longer_wrong=share([score for each, score in known if each.item.longer == 0]),
        decided=share([score for _, score in known if score != 0.5]),
        ties=_rate(score == 0.5 for _, score in known),
        always_first=_rate(_first(each) for each, _ in known),
        prefer_longer=share([each.item.longer for each, _ in known]),
        prefer_shorter=share([1 - each.item.longer for each, _ in known]),
        over_longer=difference([(score, each.item.longer) for each, score in known]),
        flips=None if scoring else _rate(bool(each.flipped) for each in flips),
        flips_to_first=None if scoring else _rate(to for each in flips if (to := each.first_of_flip) is not None),
        unreadable=_rate(
            not one for each in reads for one in (each.scoring_readable() if scoring else each.readable())
        ),
        label_mass=share(mass),
        label_mass_decile=mass[(len(mass) - 1) // 10] if mass else None,
        calibration_error=calibration(ps),
        pairwise=_accuracy(reads, "asked"),
        scoring=share([score for each in reads if (score := each.scoring_score) is not None]),
        reads_agree=_rate(_agreeing(reads)),
        wordings_agree=_rate(one for each in reads for one in each.wordings_agree()),
        shown=_accuracy(reads, "shown"),
        hidden=_accuracy(reads, "hidden"),
        exchanged=_accuracy(reads, "exchanged"),
        negated=_accuracy(reads, "negated"),
        shown_hidden=_gain(reads, "hidden"),
        shown_exchanged=_gain(reads, "exchanged"),
        shown_negated=_gain(reads, "negated"),
    )


def _rate(found: Iterable[bool]) -> Interval | None:
    return share([float(one) for one in found])


def _first(reads: ItemReads) -> bool:
    """Whether the better answer stands first where its pair is asked unturned: decided by the texts alone."""
    return digest("order", reads.item.better) < digest("order", reads.item.worse)


def _accuracy(reads: Sequence[ItemReads], question: Question) -> Interval | None:
    return share([score for each in reads if (score := each.score(question)) is not None])


def _gain(reads: Sequence[ItemReads], other: Question) -> Interval | None:
    """Accuracy with the principle shown less that under another question, where both can be read."""
    both = [(each.score("shown"), each.score(other)) for each in reads]
    return difference([(shown, less) for shown, less in both if shown is not None and less is not None])


def _agreeing(reads: Sequence[ItemReads]) -> list[bool]:
    both = [(each.score("asked"), each.scoring_score) for each in reads]
    return [one == other for one, other in both if one in (0.0, 1.0) and other in (0.0, 1.0)]
