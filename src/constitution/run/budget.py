"""The most that a run may pay for: no request is sent that could pass it.

What is in flight is counted with the most that it may take: its prompt and `max_tokens`. So a limit is never passed,
where the engine's counts are its own; a run ends within the most of one request of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from constitution.engine import Completion, Engine, Request
from constitution.errors import LimitReached, RecordError, SettingsError
from constitution.run.prices import Price, cost, prices
from constitution.sources.run_file import RunFile

_SLACK = 64
"""Tokens that a chat template may add under options of a role (a switch for thinking, tools)."""
_AROUND = 16
"""Most tokens that templates put around a turn, where only bytes are known."""


@dataclass(frozen=True, slots=True)
class _Need:
    tokens: float
    money: float


_LEAST = _Need(1, 0)
"""Of any request."""


class Budget:
    """What a run may pay for and has paid for, in all of its sessions."""

    def __init__(
        self,
        run: RunFile,
        roles: tuple[str, ...],
        paid: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        """Set the limits of a run.

        Args:
            run: with `max_total_tokens`, `max_cost` and prices.
            roles: that are asked.
            paid: tokens by stage, as sums have them.

        Raises:
            SettingsError: there is a limit in money, and a role without prices.
        """
        self._most_tokens, self._most_money = run.max_total_tokens, run.max_cost
        found = prices(run, roles)
        if self._most_money is not None and found is None:
            raise SettingsError(
                "--max-cost needs prices for 1,000,000 tokens of all roles: --set prices.prompt=0.15 --set "
                "prices.output=0.60"
            )
        self._price: Mapping[str, Price] = found or {}
        paid = paid or {}
        self.tokens: float = sum(counts["prompt"] + counts["output"] for counts in paid.values())
        self.money: float = cost(self._price, paid) if self._price and paid else 0.0
        self._flying: dict[int, _Need] = {}
        self._changed = asyncio.Event()
        self._ended: LimitReached | None = None

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self._most_tokens is not None or self._most_money is not None

    def refuse_spent(self) -> None:
        """Raise LimitReached where nothing more can be asked at all."""
        if not self._fits(_LEAST):
            raise self._reached(None)

    async def answer(self, engine: Engine, request: Request) -> Completion:
        """Have a request answered as soon as there is room for the most that it may take.

        Raises:
            LimitReached: there will be none.
        """
        need = self._need(engine, request)
        while not self._fits(need):
            if not self._flying:
                self._ended = self._reached(need)
            if self._ended is not None:
                break
            self._changed.clear()
            await self._changed.wait()
        if self._ended is not None:  # for smaller requests too: the run ends, and would cancel them unanswered
            raise self._ended
        self._flying[id(request)] = need
        try:
            completion = await engine.answer(request)
            self._pay(request, completion)
            return completion
        finally:
            del self._flying[id(request)]
            self._changed.set()

    def _need(self, engine: Engine, request: Request) -> _Need:
        prompt, sampled = most_prompt(engine, request), request.sampling.max_tokens
        price = self._price.get(request.role)
        money = 0.0 if price is None else prompt * price.most_prompt + price.of(0, 0, sampled)
        return _Need(prompt + sampled, money)

    def _pay(self, request: Request, completion: Completion) -> None:
        output = completion.output_tokens
        self.tokens += completion.prompt_tokens + output
        if (price := self._price.get(request.role)) is not None:
            self.money += price.of(completion.prompt_tokens, completion.cached_tokens, output)

    def _fits(self, need: _Need) -> bool:
        return not self._passed(need)

    def _passed(self, need: _Need) -> list[str]:
        """The limits that a request could pass, beside those in flight."""
        tokens = self.tokens + need.tokens + sum(one.tokens for one in self._flying.values())
        money = self.money + need.money + sum(one.money for one in self._flying.values())
        limits = (("--max-total-tokens", self._most_tokens, tokens), ("--max-cost", self._most_money, money))
        return [name for name, most, wanted in limits if most is not None and wanted > most]

    def _reached(self, need: _Need | None) -> LimitReached:
        told = f"{self.tokens:,.0f} tokens" + (f" ({self.money:,.4f})" if self._price else "") + " are paid for"
        if need is not None:
            told += f", the next request may take {need.tokens:,.0f}" + (f" ({need.money:,.4f})" if self._price else "")
        limits = [
            *([f"--max-total-tokens {self._most_tokens:,}"] if self._most_tokens is not None else []),
            *([f"--max-cost {self._most_money:,}"] if self._most_money is not None else []),
        ]
        return LimitReached(
            f"stopped by {' and '.join(limits)}: {told}. Unfinished records are pending: the same command with a "
            f"higher limit goes on with them: raise {' and '.join(self._passed(need or _LEAST))}"
        )


def most_prompt(engine: Engine, request: Request) -> int:
    """Most tokens that the prompt of a request may have: as it is counted, and as its parent's prompt goes on."""
    count, exact = engine.count(request.messages, request.tools)
    if not exact:
        texts = [text for turn in request.messages for text in (turn.content, turn.extra or "")] + [request.tools or ""]
        count = max(
            count, sum(len(text.encode("utf-8", "replace")) for text in texts) + _AROUND * len(request.messages)
        )
    if request.parent is not None:
        before, said = request.parent.request, request.parent.completion
        after = request.messages[len(before.messages) + 1 :]
        try:
            more = engine.count(after, request.tools)[0] if after else 0
        except RecordError:  # turns that cannot stand alone
            more = count
        count = max(count, said.prompt_tokens + said.output_tokens + more)
    return count + _SLACK
