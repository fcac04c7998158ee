r"""Transcripts as the hh-rlhf data sets write them: `\n\nHuman: ...\n\nAssistant: ...`, several turns in one text.

Source: Bai et al. 2022, "Training a Helpful and Harmless Assistant" (arXiv 2204.05862), and the released data.
"""

from __future__ import annotations

import re

from constitution.messages import Message, Role
from constitution.sources.prompts.json_lines import LineError

_MARK = re.compile(r"\n\n(Human|Assistant):")
_ASKS = "\n\nAssistant:"
_STRAYS = (
    (re.compile(r"\s*(?:Human|Assistant):.*\r?\n\r?\n(?:Human|Assistant):", re.DOTALL), "it begins with \\n\\nHuman:"),
    (re.compile(r"\s*(?:### Human:.*### Assistant:|USER:.*\n\nASSISTANT:)", re.DOTALL), "turns have roles"),
)
"""Texts of several turns that are written otherwise, and what a text lacks to be read as turns."""
_WINDOWS = re.compile(r"\r\n\r\n(?:Human|Assistant):")
_ROLES: dict[str, Role] = {"Human": "user", "Assistant": "assistant"}
_NAMES = {role: name for name, role in _ROLES.items()}


def is_transcript(text: str) -> bool:
    """Whether a text is a transcript: it begins with the mark of a turn, its two line breaks included."""
    return _MARK.match(text) is not None


def refuse_stray(text: str) -> None:
    """Refuse a text that is plainly several turns, but not as they are read here: it would be one turn of a user.

    Raises:
        LineError: It is such a text.
    """
    for pattern, lacks in _STRAYS:
        if not is_transcript(text) and pattern.match(text):
            what = "holds turns of both sides, which would be read as one of a user, since only where"
            hint = 'are they told apart; write them as {"messages": [...]}, a text that is meant as one turn too'
            raise LineError((), f"{what} {lacks} {hint}")


def parse_transcript(text: str) -> tuple[Message, ...]:
    r"""Cut a transcript into its turns; their texts are what stands between the marks, empty ones included.

    A mark is `\n\nHuman:` or `\n\nAssistant:`, with the space behind it; the words alone in mid-text are text. The
    mark of an answer at the very end, without a space, asks for one and is no turn.

    Raises:
        LineError: Nobody can tell the turns apart: a mark lacks its space, or the same side speaks twice in a row.
    """
    if _WINDOWS.search(text):
        raise LineError((), "the transcript has line ends of Windows (\\r\\n) between its turns; write them as \\n")
    marks = list(_MARK.finditer(text.removesuffix(_ASKS)))
    if not marks or marks[0].start():
        raise LineError((), "is no transcript: it does not begin with \\n\\nHuman: and a text")
    ends = [mark.start() for mark in marks[1:]] + [len(text.removesuffix(_ASKS))]
    turns: list[Message] = []
    for number, (mark, end) in enumerate(zip(marks, ends, strict=True), start=1):
        said = text[mark.end() : end]
        if said and not said.startswith(" "):
            what = f"turn {number} of the transcript: a mark has a space behind it, \\n\\n{mark[1]}: and the text; here"
            raise LineError((), f"{what} it has none, so it may be a mark or text; write the space, or change the text")
        if turns and turns[-1].role == _ROLES[mark[1]]:
            what = f"turns {number - 1} and {number} of the transcript are both {mark[1]}'s"
            raise LineError((), f"{what}; join them, or put in the turn that is missing")
        turns.append(Message(_ROLES[mark[1]], said.removeprefix(" ")))
    if text.endswith(_ASKS) and turns[-1].role == "assistant":
        raise LineError((), "the transcript asks for an answer after an answer; a turn is missing")
    return tuple(turns)


def join_transcript(turns: tuple[Message, ...]) -> str:
    """The transcript of turns of users and assistants: `parse_transcript` turned round."""
    return "".join(f"\n\n{_NAMES[turn.role]}: {turn.content}" for turn in turns)
