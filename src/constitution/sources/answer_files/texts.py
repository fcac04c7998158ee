"""The text of an answer: as it stands, or the last thing that an assistant says in turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constitution.messages import Message
from constitution.sources.answer_files.named import LISTS
from constitution.sources.prompts.json_lines import JsonPath, LineError
from constitution.sources.prompts.transcripts import is_transcript, parse_transcript
from constitution.sources.prompts.turns import any_json, check_text, kind, turn_of


def text_of(value: object, path: JsonPath) -> str:
    """The answer in a cell: a text, one turn, a transcript, or turns; of several turns the last of the assistant.

    Raises:
        LineError: there is none.
    """
    if isinstance(value, str) and str(path[-1]).strip().lower() in LISTS and value.lstrip().startswith("["):
        try:
            value = any_json(value)
        except LineError as error:
            raise LineError(path, f"is no JSON: {error.message}") from None
    if isinstance(value, str):
        return _last(_spoken(value, path), path) if is_transcript(value) else check_text(value, path)
    if isinstance(value, Mapping):
        if "text" in value and "role" not in value:  # the draft of an exported trace
            return check_text(value["text"], (*path, "text"))
        return check_text(turn_of(value, path).content, path)
    if isinstance(value, Sequence) and value:
        return _last([turn_of(turn, (*path, index)) for index, turn in enumerate(value)], path)
    found = "an empty list" if isinstance(value, Sequence) else kind(value)
    raise LineError(path, f"expected an answer, a text or turns, found {found}; mend it, or leave the row out")


def _spoken(text: str, path: JsonPath) -> Sequence[Message]:
    try:
        return parse_transcript(text)
    except LineError as error:
        raise LineError(path, error.message) from None


def _last(turns: Sequence[Message], path: JsonPath) -> str:
    said = next((turn.content for turn in reversed(turns) if turn.role == "assistant" and turn.content.strip()), None)
    if said is None:
        raise LineError(path, "holds no answer: no turn is the assistant's")
    return said
