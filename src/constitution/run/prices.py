"""What tokens cost: prices of a run file, by role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from constitution.sources.run_file import RunFile
from constitution.sources.run_parts import PricesFile

UNIT = 1_000_000
"""Tokens that a price is for."""


@dataclass(frozen=True, slots=True)
class Price:
    """What `UNIT` tokens of one model cost, in the currency of the user."""

    prompt: float
    cached: float
    output: float

    def of(self, prompt: float, cached: float, output: float) -> float:
        """Money for so many prompt tokens, of them so many out of a cache, and so many sampled ones."""
        return ((prompt - cached) * self.prompt + cached * self.cached + output * self.output) / UNIT

    @property
    def most_prompt(self) -> float:
        """The higher price of a prompt token."""
        return max(self.prompt, self.cached) / UNIT

    @property
    def least_prompt(self) -> float:
        """The lower price of a prompt token: all of it may come out of a cache."""
        return min(self.prompt, self.cached) / UNIT


def prices(run: RunFile, roles: tuple[str, ...]) -> Mapping[str, Price] | None:
    """The price of each role's tokens; None unless each has one."""
    found: dict[str, Price] = {}
    for role in roles:
        own = next((file.prices for name, file in run.roles.items() if name == role and file.prices), run.prices)
        if own is None:
            return None
        found[role] = _price(own)
    return found


def _price(file: PricesFile) -> Price:
    return Price(file.prompt, file.prompt if file.cached is None else file.cached, file.output)


def cost(found: Mapping[str, Price], tokens: Mapping[str, Mapping[str, float]]) -> float:
    """Money for the token counts of sums.

    A stage that is named like a role has its price; another one, of a recipe of the user, the highest.
    """
    highest = Price(*(max(getattr(price, part) for price in found.values()) for part in ("prompt", "cached", "output")))
    return sum(
        found.get(stage, highest).of(counts["prompt"], counts["cached"], counts["output"])
        for stage, counts in tokens.items()
    )
