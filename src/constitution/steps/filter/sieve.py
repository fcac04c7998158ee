"""A sieve: which filters drop a pair, and which put a flag on it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from constitution.errors import SettingsError
from constitution.records import REASONS, Dropped, PreferencePair
from constitution.steps.filter.composing import Filter
from constitution.steps.filter.known import DEFAULT_EFFECTS, EFFECTS, FILTERS, Effect

Effects: TypeAlias = Mapping[Any, Effect]
"""By filter: a name of FILTERS, `all` for each of them, or a filter of one's own."""
ALL = "all"
OWN = "filtered"
"""The reason of what a filter drops that is none of FILTERS; its name stands in the detail."""


@dataclass(frozen=True, slots=True)
class Sieve:
    """Filters and what they do. Without any, every pair passes as it is."""

    drop: tuple[Filter, ...] = ()
    """In the order in which they are asked."""
    flag: tuple[Filter, ...] = ()

    def __call__(self, pair: PreferencePair) -> PreferencePair | Dropped:
        """The pair with its flags, or why it is dropped."""
        dropped = _first(self.drop, pair)
        if dropped is not None:
            return replace(dropped, rounds=pair.rounds)
        flags = tuple(filter.name for filter in self.flag if filter(pair) is not None)
        return replace(pair, flags=(*pair.flags, *flags)) if flags else pair

    @property
    def looks_alone(self) -> bool:
        """Whether it has a filter that drops and needs no other text."""
        return any(filter.alone for filter in self.drop)

    def alone(self, pair: PreferencePair) -> Dropped | None:
        """Why a chosen text is not worth training on, by filters that need no other text."""
        return _first(tuple(filter for filter in self.drop if filter.alone), pair)

    def settings(self) -> dict[str, Effect]:
        """Effects by name; what is kept is left out."""
        return {str(filter): effect for filter, effect in effects_of(self).items()}


def _first(filters: tuple[Filter, ...], pair: PreferencePair) -> Dropped | None:
    for filter in filters:
        found = filter(pair)
        if found is not None:
            known = filter.name in REASONS
            return Dropped(filter.name if known else OWN, found if known else f"{filter.name}: {found}")
    return None


def sieve_of(given: Effects, over: Effects = DEFAULT_EFFECTS) -> Sieve:
    """The sieve of these effects, over others.

    Args:
        given: effects; `all` is read first.
        over: the effects of filters that are not given.

    Raises:
        SettingsError: there is no filter or effect of this name, or an own filter has the name of another.
    """
    effects: dict[Filter, Effect] = {FILTERS[name]: "keep" for name in FILTERS}
    for part in (over, given):
        for filter, effect in sorted(part.items(), key=lambda item: item[0] != ALL):
            if effect not in EFFECTS:
                raise SettingsError(f"filter {filter}: '{effect}' is none of {', '.join(EFFECTS)}")
            named = FILTERS.values() if filter == ALL else (_known(filter),)
            effects.update(dict.fromkeys(named, effect))
    names = [filter.name for filter in effects]
    for name in names:
        if names.count(name) > 1 or name == ALL:
            raise SettingsError(f"filter '{name}': two filters have this name; give your own another one")
    return Sieve(
        tuple(filter for filter, effect in effects.items() if effect == "drop"),
        tuple(filter for filter, effect in effects.items() if effect == "flag"),
    )


def _known(filter: str | Filter) -> Filter:
    if isinstance(filter, Filter):
        return filter
    if filter not in FILTERS:
        near = difflib.get_close_matches(filter, FILTERS, 1)
        mend = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(FILTERS)}, or {ALL}"
        raise SettingsError(f"filter '{filter}': there is none of this name; {mend}")
    return FILTERS[filter]


def effects_of(sieve: Sieve) -> dict[str | Filter, Effect]:
    """What a sieve does, as `sieve_of` takes it."""
    found: dict[str | Filter, Effect] = dict.fromkeys(sieve.drop, "drop")
    return found | dict.fromkeys(sieve.flag, "flag")
