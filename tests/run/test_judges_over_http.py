"""Judges behind a server: labels among the most probable tokens, words where it gives no log-probabilities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Response

from constitution import Constitution, Run, close
from constitution.errors import SettingsError
from tests.loopback import Loopback, loopback, reply
from tests.scripted_judges import PRINCIPLES, quality

ANSWER = re.compile(r"<answer-([AB])-([0-9a-f]+)>\n(.*?)\n</answer-\1-\2>", re.DOTALL)
ROWS = [
    {"prompt": f"Question {number}?", "text_a": f"answer {number}", "text_b": f"reply {number}"} for number in range(6)
]


class Ever(list[Any]):
    """One way to answer every question."""

    def pop(self, _: Any = -1) -> Any:
        """The same again."""
        return self[0]


@pytest.fixture
def server() -> Iterator[Loopback]:
    """A server that judges by the hidden quality of texts."""
    with loopback() as made:
        made.text = better
        made.faults = Ever([labels])
        yield made
    close()  # the next server may have this one's address


def better(body: dict[str, Any]) -> str:
    """The letter of the better answer."""
    texts = {label: text for label, _, text in ANSWER.findall(body["messages"][-1]["content"])}
    return max(texts, key=lambda label: quality(texts[label])) if texts else "none"


def labels(body: dict[str, Any]) -> Response | None:
    """The two labels and a third token, where log-probabilities are asked for."""
    if not body.get("logprobs") or "<answer-A" not in str(body["messages"]):
        return None
    best = better(body)
    tops = [{"token": best, "logprob": -0.25}, {"token": "AB"[best == "A"], "logprob": -2.5}]
    tops.append({"token": "C", "logprob": -4.0})
    choice = {
        "index": 0, "message": {"role": "assistant", "content": best}, "finish_reason": "length",
        "logprobs": {"content": [{**tops[0], "top_logprobs": tops}]},
    }  # fmt: skip
    return reply({"id": "x", "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 1}})


def judged(server: Loopback, out: Path, **settings: Any) -> Run:
    """The rows, judged."""
    return Constitution(PRINCIPLES).generate(
        ROWS, out, model=f"{server.url}#small", recipe="ai_feedback", answers=True, examine=0, anyway=True, **settings
    )


def test_labels_over_http(server: Loopback, tmp_path: Path) -> None:
    """Both labels of both orders; every pair is labelled right, with the margin that the server gave."""
    run = judged(server, tmp_path / "run")
    pairs = list(run.pairs())
    assert len(pairs) == len(ROWS)
    for pair in pairs:
        assert quality(pair.chosen) > quality(pair.rejected)
        assert pair.margin == pytest.approx(2.25)
        assert pair.position_consistent


def test_a_label_that_is_not_among_the_most_probable(server: Loopback, tmp_path: Path) -> None:
    """The read is unreadable: nothing is made up for it."""

    def one(body: dict[str, Any]) -> Response | None:
        answer = labels(body)
        return answer and Response(answer.get_data(as_text=True).replace('"B"', '"D"'), content_type="application/json")

    server.faults = Ever([one])
    summary = judged(server, tmp_path / "run").summary()
    assert summary["reasons"] == {"unreadable": len(ROWS)}


def test_a_server_without_log_probabilities(server: Loopback, tmp_path: Path) -> None:
    """It is refused before a question, with the mode that works; that one labels right, and has no margin."""
    server.refuses = {"logprobs", "top_logprobs"}
    server.faults = []
    with pytest.raises(SettingsError, match=r"no log-probabilities.*--judge-mode text"):
        judged(server, tmp_path / "no")
    assert not any("<answer-A" in str(body) for body in server.asked)
    run = judged(server, tmp_path / "run", judge_mode="text")
    pairs = list(run.pairs())
    assert len(pairs) == len(ROWS)
    for pair in pairs:
        assert quality(pair.chosen) > quality(pair.rejected)
        assert (pair.margin, pair.p_chosen, pair.position_consistent) == (None, 1.0, True)
    assert "margin" not in run.to_dataset().column_names
