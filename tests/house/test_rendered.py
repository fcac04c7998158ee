"""Pages that are made from the code are what the code makes today."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SCRIPT: dict[str, Any] = runpy.run_path(str(DOCS / "render.py"))


@pytest.mark.parametrize("page", SCRIPT["PAGES"])
def test_a_page_is_what_is_rendered(page: str) -> None:
    """Byte by byte; what differs is mended by `make docs`, never by hand."""
    rendered = SCRIPT["render"](page)
    assert (DOCS / page).read_text("utf-8") == rendered, f"docs/{page} is not what the code says: run `make docs`"


def test_rendering_is_the_same_twice() -> None:
    """Nothing of a page depends on when or where it was made."""
    assert SCRIPT["render"]("what-is-asked.md") == SCRIPT["render"]("what-is-asked.md")


def test_each_request_shows_the_one_before() -> None:
    """What the page says of the chain of two rounds, from the requests themselves."""
    chain = SCRIPT["run_chain"](SCRIPT["Constitution"](SCRIPT["parse_constitution"](SCRIPT["EXAMPLE"])), SCRIPT["SAID"])
    assert [request.stage for request in chain.asked] == ["draft", "critique", "revise", "critique", "revise"]
    for before, after in zip(chain.asked, chain.asked[1:], strict=False):
        assert after.messages[: len(before.messages)] == before.messages
        assert len(after.messages) == len(before.messages) + 2


def test_a_fence_holds_any_text() -> None:
    """Also one that holds fences."""
    assert SCRIPT["fenced"]("```\nx\n```\n") == "````text\n```\nx\n```\n````"
