"""Pages that are made from the code are what the code makes today."""

from __future__ import annotations

import runpy
from typing import Any

import pytest

from tests.docs_checks import broken_links, links
from tests.docs_pages import ROOT

SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "render.py"))


@pytest.mark.parametrize("page", SCRIPT["PAGES"])
def test_a_page_is_what_is_rendered(page: str) -> None:
    """Byte by byte, however often; what differs is mended by `make docs`, never by hand."""
    rendered = SCRIPT["PAGES"][page]()
    assert (ROOT / page).read_text("utf-8") == rendered, f"{page} is not what the code says: run `make docs`"
    assert SCRIPT["PAGES"][page]() == rendered


def test_the_index_names_every_page() -> None:
    """Each page of docs has its line, each line of the index is in `llms.txt`, and its links lead somewhere."""
    index = ROOT / "docs" / "README.md"
    named = {(index.parent / target).resolve() for _, target in links(index)}
    lost = [page.name for page in index.parent.glob("*.md") if page != index and page not in named]
    assert not lost, f"docs/README.md has no line for {', '.join(lost)}"
    assert {(ROOT / target).resolve() for _, target in links(ROOT / "llms.txt")} == named
    assert not broken_links(ROOT / "llms.txt", ROOT)


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
