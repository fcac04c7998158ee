"""Parts of a run file: sources of prompts, roles, prices."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

TEXT = r"\S"
PATTERNS = {
    TEXT: "text that is not blank (or leave the key out)",
    "^[0-9]+/[0-9]+$": "i/n, like 0/4 for the first of four",
}
Text = Annotated[str, Field(pattern=TEXT)]
Count = Annotated[int, Field(ge=1)]


class Written(BaseModel):
    """What people write: no unknown keys, no guesses at types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PricesFile(Written):
    """What 1,000,000 tokens cost, in any currency."""

    prompt: float = Field(ge=0, allow_inf_nan=False, description="Of prompts.")
    cached: float | None = Field(None, ge=0, allow_inf_nan=False, description="Of prompts out of a cache; else prompt.")
    output: float = Field(ge=0, allow_inf_nan=False, description="Of answers, thoughts among them.")


class RoleFile(Written):
    """How one role samples, and with which model. What is unset is inherited."""

    model: Text | None = Field(None, description="Model of this role; else the run's.")
    engine: dict[str, Any] | None = Field(None, description="Options of the engine of this role's own model.")
    lora: Text | None = Field(None, description="LoRA adapter of this role.")
    temperature: float | None = Field(None, ge=0, le=2, description="0 is greedy.")
    top_p: float | None = Field(None, gt=0, le=1, description="Below 1 only the likeliest tokens that sum to it.")
    top_k: int | None = Field(None, ge=0, description="0 is off.")
    min_p: float | None = Field(None, ge=0, le=1, description="Least share of the likeliest token's probability.")
    max_tokens: Count | None = Field(None, description="Most tokens of one answer.")
    stop: list[Annotated[str, Field(min_length=1)]] | None = Field(None, description="Texts at which an answer ends.")
    thinking: Literal["on", "off"] | Count | None = Field(None, description="on, off, or a budget in tokens.")
    chat_template_kwargs: dict[str, Any] | None = Field(None, description="Handed to the chat template.")
    prices: PricesFile | None = Field(None, description="Prices of this role's model; else the run's.")


class SourceFile(Written):
    """One source of prompts."""

    source: Text = Field(description="A file, a folder, a data set of the hub, or - for standard input.")
    config: Text | None = Field(None, description="Of a data set that has several.")
    split: Text | None = Field(None, description="Of a data set that has several.")
    revision: Text | None = Field(None, description="Branch, tag or commit on the hub.")
    weight: float | None = Field(None, gt=0, description="Its share in the mix.")
