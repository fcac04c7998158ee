"""What a constitution takes from others: which files, in which order, and what the merge keeps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from constitution import shipped
from constitution.errors import ConstitutionFileError
from constitution.principles import Principles
from constitution.sources.constitution_file import parse_constitution, read_constitution

HEAD = "name: {name}\nversion: '1'\n"
KIND = "principles:\n  - {id: kind, asks: Is it kind?, critique: c, revision: r, weight: 2, tags: [a, b]}\n"


def write(folder: Path, name: str, body: str) -> Path:
    """A constitution file whose first two lines are its name and version."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(HEAD.format(name=file.stem) + body, "utf-8")
    return file


def told(file: Path | str) -> list[str]:
    """The problems of a file, its folder left out."""
    with pytest.raises(ConstitutionFileError) as caught:
        read_constitution(file)
    return [str(problem).replace(f"{Path(file).parent}{os.sep}", "") for problem in caught.value.problems]


def ids(found: Principles) -> list[str]:
    """The ids in order."""
    return [principle.id for principle in found.principles]


@pytest.fixture
def ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped constitutions for one test."""
    folder = tmp_path / "shipped" / "principles"
    folder.mkdir(parents=True)
    monkeypatch.setattr(shipped, "folder", lambda kind: folder.parent / kind)
    return folder


def test_an_id_that_repeats_is_merged_key_by_key(tmp_path: Path) -> None:
    """A key of the child replaces the whole key, the others stay, the order is the parent's."""
    write(tmp_path, "a.yaml", KIND + "  - {id: brief, asks: Is it brief?}\n")
    child = write(
        tmp_path,
        "b.yaml",
        "extends: a.yaml\nprinciples:\n  - {id: new, asks: Is it new?}\n  - {id: kind, weight: 5, tags: [c]}\n",
    )
    found = read_constitution(child)
    assert ids(found) == ["kind", "brief", "new"]
    assert (found["kind"].asks, found["kind"].weight, found["kind"].tags) == ("Is it kind?", 5.0, ("c",))
    assert (found.name, found.version) == ("b", "1")


def test_null_deletes_a_key(tmp_path: Path) -> None:
    """What a child sets to nothing is as if the parent had not given it."""
    write(tmp_path, "a.yaml", "context: Old.\nlicense: L\n" + KIND)
    child = write(
        tmp_path, "b.yaml", "extends: a.yaml\ncontext:\nprinciples:\n  - {id: kind, weight: , critique: , revision: }\n"
    )
    found = read_constitution(child)
    assert (found.context, found.license) == ("", "L")
    assert (found["kind"].weight, found["kind"].critique, found["kind"].asks) == (1.0, "", "Is it kind?")


def test_null_deletes_nothing_without_a_parent(tmp_path: Path) -> None:
    """In a file that extends none, or in a principle of its own, an empty key is a fault."""
    alone = write(tmp_path, "a.yaml", "context:\n" + KIND)
    assert told(alone) == ["a.yaml:3:1: context: is empty, expected text"]
    child = write(tmp_path, "b.yaml", "extends: c.yaml\nprinciples:\n  - {id: new, asks: q, why: }\n")
    write(tmp_path, "c.yaml", KIND)
    assert told(child) == ["b.yaml:5:24: principles[0].why: is empty, expected text"]


def test_top_level_keys_of_the_child_win(tmp_path: Path) -> None:
    """They are replaced whole; what the child leaves out comes from its parents."""
    write(tmp_path, "a.yaml", "context: Old.\nlanguage: de\nrespond: {x: answer, y: answer}\n" + KIND)
    child = write(tmp_path, "b.yaml", "extends: a.yaml\ncontext: New.\nrespond: {x: refuse}\n")
    found = read_constitution(child)
    assert (found.context, found.language, dict(found.respond)) == ("New.", "de", {"x": "refuse"})


def test_weight_0_switches_a_principle_off(tmp_path: Path) -> None:
    """It stays in the list and out of the digest."""
    write(tmp_path, "a.yaml", KIND + "  - {id: brief, asks: Is it brief?}\n")
    child = write(tmp_path, "b.yaml", "extends: a.yaml\nprinciples: [{id: brief, weight: 0}]\n")
    found = read_constitution(child)
    assert ids(found) == ["kind", "brief"]
    assert found.digest == parse_constitution(HEAD.format(name="x") + KIND).digest


def test_later_parents_override_earlier_ones(tmp_path: Path) -> None:
    """In the order of the list."""
    write(tmp_path, "a.yaml", KIND)
    write(tmp_path, "b.yaml", "principles: [{id: kind, weight: 7}]\n")
    assert read_constitution(write(tmp_path, "c.yaml", "extends: [a.yaml, b.yaml]\n"))["kind"].weight == 7
    assert read_constitution(write(tmp_path, "d.yaml", "extends: [b.yaml, a.yaml]\n"))["kind"].weight == 2


def test_a_diamond_keeps_what_one_side_changed(tmp_path: Path) -> None:
    """A grandparent counts once and before both parents, so that it does not undo the first one's change."""
    write(tmp_path, "base.yaml", KIND)
    write(tmp_path, "left.yaml", "extends: base.yaml\nprinciples: [{id: kind, weight: 7}]\n")
    write(tmp_path, "right.yaml", "extends: base.yaml\nprinciples: [{id: kind, tags: [z]}]\n")
    found = read_constitution(write(tmp_path, "top.yaml", "extends: [left.yaml, right.yaml]\n"))
    assert (found["kind"].weight, found["kind"].tags) == (7.0, ("z",))


def test_a_fault_in_a_parents_value_names_the_parents_file(tmp_path: Path) -> None:
    """The place is where the value is written, the child's own faults come first."""
    write(tmp_path, "a.yaml", "principles:\n  - {id: kind, asks: q, weight: -1}\n  - {id: x, asks: q, levle: z}\n")
    child = write(tmp_path, "b.yaml", "extends: a.yaml\nprinciples:\n  - {id: kind, level: high}\n")
    assert told(child) == [
        "b.yaml:5:23: principles[0].level: 'high' is an unknown level: name it in the constitution's `levels`",
        "a.yaml:4:33: principles[0].weight: is a number (-1), expected at least 0",
        "a.yaml:5:22: principles[1].levle: is an unknown key, did you mean 'level'?",
    ]


def test_a_value_that_the_child_replaces_is_not_judged(tmp_path: Path) -> None:
    """Validation comes after merging."""
    write(tmp_path, "a.yaml", "principles:\n  - {id: kind, asks: q, weight: -1}\n")
    child = write(tmp_path, "b.yaml", "extends: a.yaml\nprinciples:\n  - {id: kind, weight: 1}\n")
    assert read_constitution(child)["kind"].weight == 1


def test_a_child_must_not_break_a_principle(tmp_path: Path) -> None:
    """Deleting `revision` alone leaves the parent's `critique` without it."""
    write(tmp_path, "a.yaml", KIND)
    child = write(tmp_path, "b.yaml", "extends: a.yaml\nprinciples: [{id: kind, revision: }]\n")
    assert told(child) == [
        "a.yaml:4:35: principles[0].critique: `critique` stands without `revision`: give both, or neither"
    ]


def test_name_and_version_are_not_inherited(tmp_path: Path) -> None:
    """A constitution is never called by its parent's name."""
    write(tmp_path, "a.yaml", KIND)
    child = tmp_path / "b.yaml"
    child.write_text("extends: a.yaml\n")
    assert told(child) == ["b.yaml:1:1: name: is missing", "b.yaml:1:1: version: is missing"]


def test_parents_with_other_levels_need_the_childs_own(tmp_path: Path) -> None:
    """Which level stands highest is never guessed."""
    write(tmp_path, "a.yaml", "levels: [x, y]\n" + KIND)
    write(tmp_path, "b.yaml", "levels: [y, x]\nprinciples: [{id: brief, asks: q, level: x}]\n")
    write(tmp_path, "none.yaml", "principles: [{id: other, asks: q}]\n")
    assert told(write(tmp_path, "c.yaml", "extends: [a.yaml, b.yaml]\n")) == [
        "c.yaml:3:1: extends: the parents have different `levels`: give this file its own"
    ]
    assert read_constitution(write(tmp_path, "d.yaml", "extends: [a.yaml, b.yaml]\nlevels: [x]\n")).levels == ("x",)
    assert read_constitution(write(tmp_path, "e.yaml", "extends: [a.yaml, none.yaml]\n")).levels == ("x", "y")
    write(tmp_path, "no.yaml", "levels: []\nprinciples: [{id: other, asks: q}]\n")
    assert len(told(write(tmp_path, "f.yaml", "extends: [a.yaml, no.yaml]\n"))) > 0


def test_a_circle_is_told_with_its_path(tmp_path: Path) -> None:
    """From the file where it begins back to it."""
    write(tmp_path, "a.yaml", "extends: b.yaml\n" + KIND)
    write(tmp_path, "b.yaml", "extends: [c.yaml]\n")
    write(tmp_path, "c.yaml", "extends: ./b.yaml\n")
    assert told(tmp_path / "a.yaml") == [
        "c.yaml:3:10: extends: extends goes round in a circle: b.yaml -> c.yaml -> b.yaml"
    ]


def test_a_file_that_extends_itself_is_told(tmp_path: Path) -> None:
    """From memory too, where the folder is known."""
    file = write(tmp_path, "a.yaml", "extends: a.yaml\n" + KIND)
    expected = "a.yaml:3:10: extends: extends goes round in a circle: a.yaml -> a.yaml"
    assert told(file) == [expected]
    with pytest.raises(ConstitutionFileError, match=expected):
        parse_constitution(file.read_bytes(), file="a.yaml", folder=tmp_path)


def test_a_long_chain_is_refused(tmp_path: Path) -> None:
    """Before Python's own recursion limit."""
    for at in range(40):
        write(tmp_path, f"f{at}.yaml", f"extends: f{at + 1}.yaml\n")
    assert "more than 20 files extend one another" in told(tmp_path / "f0.yaml")[0]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("../outside.yaml", "leads out of the file's own folder"),
        ("sub/../../outside.yaml", "leads out of the file's own folder"),
        ("link.yaml", "leads out of the file's own folder"),
        ("linked/outside.yaml", "leads out of the file's own folder"),
        ("/etc/passwd", "is an absolute path"),
        ("missing.yaml", "cannot be read: no such file or directory"),
        ("sub/", "cannot be read: is a folder"),
        ('"a\\x1b.yaml"', "cannot be read: no such file or directory"),
        ("", "is empty, expected the name or path of a file"),
        ("7", "is a number (7), expected the name or path of a file"),
        ("{a: b}", "is a mapping, expected the name or path of a file"),
        ("[in.yaml, in.yaml]", "'in.yaml' is listed twice"),
        ("[[in.yaml]]", "is a list, expected the name or path of a file"),
    ],
)
def test_a_parent_lies_in_the_files_own_folder(tmp_path: Path, path: str, expected: str) -> None:
    """No path leads out of it, by dots, from the root or through a link."""
    home = tmp_path / "home"
    write(tmp_path, "outside.yaml", KIND)
    write(home, "in.yaml", KIND)
    (home / "sub").mkdir()
    (home / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (home / "linked").symlink_to(tmp_path)
    found = told(write(home, "a.yaml", f"extends: {path}\n"))
    assert len(found) == 1
    assert expected in found[0]
    assert found[0].startswith("a.yaml:3:")


def test_a_parent_in_a_subfolder_is_read(tmp_path: Path) -> None:
    """Its own parents lie beside it."""
    write(tmp_path, "sub/a.yaml", "extends: b.yaml\n")
    write(tmp_path, "sub/b.yaml", KIND)
    assert ids(read_constitution(write(tmp_path, "c.yaml", "extends: sub/a.yaml\n"))) == ["kind"]


def test_a_text_in_memory_extends_no_path(tmp_path: Path) -> None:
    """It lies in no folder, unless one is given."""
    write(tmp_path, "a.yaml", KIND)
    text = HEAD.format(name="x") + "extends: a.yaml\n"
    assert ids(parse_constitution(text, folder=tmp_path)) == ["kind"]
    with pytest.raises(ConstitutionFileError, match="this text lies in no folder"):
        parse_constitution(text)


def test_shipped_constitutions_are_read_and_extended_by_name(ships: Path, tmp_path: Path) -> None:
    """By files, by texts in memory and by one another."""
    write(ships, "first.yaml", KIND)
    write(ships, "second.yaml", "extends: first\nprinciples: [{id: kind, weight: 3}]\n")
    assert read_constitution("second")["kind"].weight == 3
    assert parse_constitution(HEAD.format(name="x") + "extends: [second]\n")["kind"].weight == 3
    assert read_constitution(write(tmp_path, "a.yaml", "extends: first\n"))["kind"].weight == 2


def test_a_fault_in_a_shipped_parent_says_so(ships: Path) -> None:
    """Its file is marked as shipped."""
    write(ships, "first.yaml", "principles: [{id: a, asks: 1}]\n")
    assert told("first") == [
        '<shipped>/first.yaml:3:28: principles[0].asks: is a number (1), expected text: write it in quotes, "1"'
    ]


def test_a_name_that_does_not_ship_is_told_with_the_nearest(ships: Path, tmp_path: Path) -> None:
    """And that a file needs its ending."""
    write(ships, "balanced.yaml", KIND)
    message = "no constitution 'balancd' ships, did you mean 'balanced'?; a file needs its ending, like 'balancd.yaml'"
    assert told("balancd") == [f"balancd: {message}"]
    assert told(write(tmp_path, "a.yaml", "extends: balancd\n")) == [f"a.yaml:3:10: extends: {message}"]


def test_a_parent_that_is_missing_hides_no_false_fault(tmp_path: Path) -> None:
    """Nothing is said about principles whose parent could not be read."""
    child = write(tmp_path, "a.yaml", "extends: missing.yaml\nprinciples: [{id: kind, weight: 3}]\n")
    assert told(child) == ["a.yaml:3:10: extends: 'missing.yaml' cannot be read: no such file or directory"]


def test_every_broken_parent_is_told(tmp_path: Path) -> None:
    """One that does not parse does not hide the next."""
    write(tmp_path, "a.yaml", "x: [\n")
    (tmp_path / "b.yaml").write_text("- 1\n")
    found = told(write(tmp_path, "c.yaml", "extends: [a.yaml, b.yaml, c]\n"))
    assert [problem.split(":")[0] for problem in found] == ["c.yaml", "a.yaml", "b.yaml"]
    assert "b.yaml:1:1: is a list, expected a mapping of keys to values" in found


@pytest.mark.parametrize("value", ["x", "{a: b}", "7"])
def test_principles_that_are_no_list_are_told_in_their_file(tmp_path: Path, value: str) -> None:
    """A parent's too."""
    write(tmp_path, "a.yaml", f"principles: {value}\n")
    found = told(write(tmp_path, "b.yaml", "extends: a.yaml\n" + KIND))
    assert len(found) == 1
    assert found[0].startswith("a.yaml:3:13: principles: is ")
    assert found[0].endswith("expected a list")


def test_a_misspelt_id_of_a_parent_is_told_with_the_nearest(tmp_path: Path) -> None:
    """Where a principle is only a change; one that stands alone, or is like no inherited one, is told as before."""
    write(tmp_path, "a.yaml", KIND + "  - {id: no-lecturing, asks: Does it lecture?}\n")
    child = write(
        tmp_path,
        "b.yaml",
        "extends: a.yaml\nprinciples:\n  - {id: no-lecturng, weight: 0}\n  - {id: dull, weight: 0}\n"
        "  - {id: no-lectures, asks: Are there lectures?}\n  - {id: dulls, weight: 0}\n",
    )
    first, second, third = told(child)
    assert first.endswith("or `asks`; or, to change an inherited one, did you mean 'no-lecturing'?")
    assert second.endswith("or `asks`")
    assert third.endswith("or `asks`")
