"""The documentation says what is so: blocks, commands, options and links of every page, whichever pages there are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.docs_checks import anchors, broken_links, prose, reached, wrong_blocks, wrong_commands
from tests.docs_pages import ROOT, SHELL, WHOLE, blocks, pages, run_page, write_file
from tests.docs_yaml import check_yaml
from tests.scripted_runs import prompts, tiny

PAGES = pages()
MOST_NOT_RUN = 12
"""Blocks of Python, YAML or whole pages' shell that are not run; more of them are a decision."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_blocks_are_what_they_say(page: Path) -> None:
    """Each is of a known kind; Python compiles, JSON and TOML are read."""
    assert not wrong_blocks(page), "\n".join(wrong_blocks(page))


@each_page
def test_commands_and_options_exist(page: Path) -> None:
    """In blocks, in indented lines, and in the text."""
    assert not wrong_commands(page), "\n".join(wrong_commands(page))


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    """To a file of the repository, and to a heading of it."""
    assert not broken_links(page, ROOT), "\n".join(broken_links(page, ROOT))


@each_page
def test_yaml_is_read(page: Path, tmp_path: Path) -> None:
    """As a constitution, a run file, or a part of one."""
    for block in blocks(page):
        if block.file is not None:
            write_file(block, tmp_path)
    for block in blocks(page):
        if block.language == "yaml" and block.not_run is None:
            check_yaml(block, tmp_path)


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what pages speak of: two runs, and a data set made of the first."""
    folder = tmp_path_factory.mktemp("somewhere")
    first = tiny(folder).generate(prompts(200), folder / "runs" / "first", model="scripted")
    tiny(folder).generate(prompts(30), folder / "runs" / "second", model="scripted")
    first.export(folder / "data", split={"test": 0.05})
    return folder


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(block.language == "python" or WHOLE in page.read_text() for block in blocks(page))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_pages_run(page: Path, tmp_path: Path, somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python of every page, and every command of those that run whole, with what they print."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "page"
    if WHOLE in page.read_text("utf-8"):
        folder.mkdir()
    else:
        shutil.copytree(somewhere, folder)
    run_page(page, folder)


def test_few_blocks_are_not_run() -> None:
    """Each says why."""
    found = [
        f"{block.place}: {block.skipped}"
        for page in PAGES
        for block in blocks(page)
        if block.skipped is not None and block.language in ("python", "yaml", *SHELL)
    ]
    assert len(found) <= MOST_NOT_RUN, "\n".join(found)


def test_every_page_is_reached() -> None:
    """From README or from the index of docs."""
    found = reached([ROOT / "README.md", ROOT / "docs" / "README.md"])
    lost = [str(page.relative_to(ROOT)) for page in PAGES if page not in found]
    assert not lost, f"no link leads to {', '.join(lost)}: name them in docs/README.md"


WRONG = {
    "```\nx\n```": "a block of ''",
    "```python\nx = = 1\n```": "is no python",
    "```json\n{]\n```": "is no json",
    "<!-- not run: -->\n```python\nx\n```": "lacks its reason",
    "```bash\nconstitution generate --promts x\n```": "`constitution generate` has no --promts",
    "```bash\nHF_TOKEN=x constitution export a \\\n  --to sft --owt b   # a comment\n```": "has no --owt",
    "    constitution prompts x --tags y": "`constitution prompts` has no --tags",
    "See `constitution chekc FILE`.": "no command `constitution chekc`",
    "See `constitution --wersion`.": "`constitution` has no --wersion",
    "Take `--verdict-last`.": "no command has --verdict-last",
    "Take `--set roles.draft.top_p=1` or `constitution generate x --set rolls.draft.top_p=1`.": "no 'rolls.draft",
    "[a](nowhere.md)": "nowhere.md leads nowhere",
    "[a](../outside.md)": "leads nowhere",
    "[`a`](other.md#here)": "other.md has no heading for #here, but a-heading, a-heading-1",
    "# One\n\n[a](#two)": "no heading for #two",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_seen(text: str, tmp_path: Path) -> None:
    """Each kind of fault, once."""
    root = tmp_path / "root"
    root.mkdir()
    page = root / "page.md"
    page.write_text(f"{text}\n")
    (root / "other.md").write_text("# A heading\n\n```text\n# no heading\n```\n\n## A `heading`!\n")
    (tmp_path / "outside.md").write_text("# Not ours\n")
    (found,) = wrong_blocks(page) + wrong_commands(page) + broken_links(page, root)
    assert WRONG[text] in found
    assert found.startswith("page.md:")


RIGHT = """\
[self](#a-page-of-its-kind) [other](other.md#a-heading) [`code`](other.md) [web](https://example.org/x#y) `[no](link)`

# A page of its kind

`constitution generate --where a --set engine.x=1`, `constitution`, `vllm serve --max-model-len 10`, `constitution ...`
"""


def test_what_is_right_is_let_through(tmp_path: Path) -> None:
    """Other programs' options, links that resolve, links in code."""
    page = tmp_path / "page.md"
    page.write_text(RIGHT)
    (tmp_path / "other.md").write_text("# A heading\n")
    assert wrong_blocks(page) + wrong_commands(page) + broken_links(page, tmp_path) == []
    assert reached([page]) == {page, tmp_path / "other.md"}
    assert anchors(page) == ["a-page-of-its-kind"]
    assert len(prose(page)) == 5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```python\nraise ValueError('x')\n```", "page.md:5: does not run: ValueError: x"),
        ("```python\nprint(1)\n```\n\n```text\n2\n```", "page.md:9: the block before prints\n1"),
        ("```bash\nconstitution check nowhere.yaml\n```", "page.md:5: constitution check nowhere.yaml: exit code 2"),
        ("```bash\nconstitution check honest   # exit code 2\n```", "exit code 0"),
        ("```bash\nconstitution check x.yaml   # exit code 2: a problem\n```", "says something else"),
        ("```bash\nfalse\n```", "page.md:5: false: exit code 1"),
    ],
)
def test_a_block_that_does_otherwise_is_seen(text: str, told: str, tmp_path: Path) -> None:
    """Where the page runs whole."""
    page = tmp_path / "page.md"
    page.write_text(f"#{WHOLE}\n{text}\n")
    with pytest.raises(AssertionError) as caught:
        run_page(page, tmp_path)
    assert told in str(caught.value)


MARKED = """\
<!-- file: a/b.txt -->
```text
here
```

```python
from pathlib import Path
x = "a/b.txt"
```

<!-- not run: it would raise -->
```python
raise ValueError
```

<!-- not run: said of no block, since words stand between -->
Then:

```python
print(Path(x).read_text(), end="")
```

```text
here
```

```python
import vllm.nothing
```

```bash
false
```
"""


def test_marks_are_heeded(tmp_path: Path) -> None:
    """Files are written, what is marked is not run, names go on from block to block."""
    page = tmp_path / "page.md"
    page.write_text(MARKED)
    assert run_page(page, tmp_path) == 2
    assert [block.skipped for block in blocks(page) if block.skipped] == ["it would raise", "needs vllm"]
