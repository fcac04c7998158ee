"""What a constitution file may hold, as pydantic models; their descriptions become the JSON Schema's."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from constitution.principles import Reply

ID = r"^[a-z0-9][a-z0-9._-]{0,63}$"
TEXT = r"\S"
PATTERNS = {
    ID: "at most 64 lower-case letters, digits, '.', '_' and '-', a letter or digit first",
    TEXT: "text, or no such key",
}
"""What each pattern expects, in words."""

Text = Annotated[str, Field(pattern=TEXT)]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class MessageFile(_Written):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"] = Field(description="Who speaks.")
    content: Text = Field(description="What is said.")


Situation = Annotated[
    Annotated[Text, Tag("text")] | Annotated[list[MessageFile], Field(min_length=1), Tag("messages")],
    Discriminator(lambda value: "text" if isinstance(value, str) else "messages"),
]


class CaseFile(_Written):
    """A worked situation. At least one of `good` and `bad` is given."""

    situation: Situation = Field(description="What the user says: text, or messages that end with a user turn.")
    good: Text = Field("", description="An answer that keeps the principle.")
    bad: Text = Field("", description="An answer that breaks it.")
    note: Text = Field("", description="Why; for people.")


class JudgeShotFile(_Written):
    """A worked comparison for the judge."""

    prompt: Text = Field(description="What the user said.")
    a: Text = Field(description="One answer.")
    b: Text = Field(description="The other answer.")
    better: Literal["a", "b"] = Field(description="Which of the two is better.")


class FewShotsFile(_Written):
    """Worked examples that open requests."""

    critique: list[Annotated[list[MessageFile], Field(min_length=1)]] = Field(
        default_factory=list,
        description="Conversations that open critique and revision requests: an optional system turn, then user and "
        "assistant in turns, an assistant turn last.",
    )
    judge: list[JudgeShotFile] = Field(default_factory=list, description="Comparisons that open judge requests.")


class PrincipleFile(_Written):
    """One principle. At least one of `critique` with `revision`, `preference`, `asks` is given."""

    id: Annotated[str, Field(pattern=ID)] = Field(description="Its name; an id of a parent is merged with it.")
    text: Text = Field("", description="The principle itself, in one sentence.")
    critique: Text = Field("", description="Asks for criticism of the last answer.")
    revision: Text = Field("", description="Asks for the rewrite.")
    preference: Text = Field("", description="Asks which of two answers is better.")
    asks: Text = Field("", description="One question about one answer; yes = the answer keeps the principle.")
    asks_broken: Text = Field("", description="The same question the other way; yes = the answer breaks it.")
    check: dict[str, Any] = Field(
        default_factory=dict, min_length=1, description="Checks of an answer by code; all must hold."
    )
    why: Text = Field("", description="The reason; shown to people and, where a template asks, to the reviser.")
    level: Text = Field("", description="One of the constitution's `levels`; without one it stands lowest.")
    weight: float = Field(1.0, ge=0, allow_inf_nan=False, description="How often it is drawn; 0 switches it off.")
    tags: list[Text] = Field(default_factory=list, description="Harm categories or virtues.")
    applies_to: list[Text] = Field(
        default_factory=list, description="Prompt tags it is meant for; none = every prompt."
    )
    negation: Text = Field("", description="`text` turned round, for contrast pairs and for examining judges.")
    cases: list[CaseFile] = Field(default_factory=list, description="Worked situations.")
    source: Text = Field("", description="Where it comes from; no part of the digest.")


class ConstitutionFile(_Written):
    """One constitution."""

    schema_: Literal[1] = Field(1, alias="schema", description="Version of this format.")
    name: Text = Field(description="What the constitution is called.")
    version: Text = Field(description="Its version, as text in quotes.")
    description: Text = Field("", description="What it is for.")
    language: Text = Field("en", description="Language of its texts.")
    license: Text = Field("", description="Licence of its texts.")
    extends: str | list[str] = Field(
        default_factory=list, description="Shipped constitutions by name, or files in this file's folder by path."
    )
    context: Text = Field("", description="The setting; opens each critique, revision and judge request, no draft.")
    levels: list[Text] = Field(default_factory=list, description="Levels of principles, highest first.")
    respond: dict[str, Reply] = Field(
        default_factory=dict, description="The kind of reply that a prompt with a tag deserves."
    )
    few_shots: FewShotsFile = Field(default_factory=FewShotsFile, description="Worked examples.")
    templates: dict[str, Text] = Field(default_factory=dict, description="Prompt templates that replace shipped ones.")
    principles: list[PrincipleFile] = Field(min_length=1, description="The principles.")
