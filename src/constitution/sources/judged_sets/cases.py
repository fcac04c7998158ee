"""`cases`: the worked situations of the constitution itself, where they have a good and a bad answer."""

from __future__ import annotations

from collections import Counter

from constitution.examination.items import Item, JudgedSet
from constitution.principles import Principles
from constitution.sources.judged_sets.rows import SAME
from constitution.steps.filter import same_text

NAME = "cases"
ONE_SIDED = "a case without a good or without a bad answer"
SWITCHED_OFF = "a case of a principle with weight 0"


def read_cases(principles: Principles) -> JudgedSet:
    """The cases of a constitution; there may be none."""
    items: list[Item] = []
    left: Counter[str] = Counter()
    for principle in principles.principles:
        for number, case in enumerate(principle.cases, start=1):
            if principle.weight <= 0:
                left[SWITCHED_OFF] += 1
            elif case.good is None or case.bad is None:
                left[ONE_SIDED] += 1
            elif same_text(case.good, case.bad):
                left[SAME] += 1
            else:
                id = f"{principle.id}/{number}"
                place = f"{principles.name}: principle {principle.id}, case {number}"
                items.append(Item(NAME, id, case.situation, case.good, case.bad, principle, place))
    return JudgedSet(NAME, tuple(items), f"constitution {principles.name}", (), tuple(sorted(left.items())))
