"""What keys of a constitution file ask of one another; read from nodes, to speak where a field is wrong as well."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from constitution.errors import Problem, TemplateError
from constitution.principles import CheckSpec
from constitution.sources.explain import describe, nearest
from constitution.sources.nodes import Date, Entry, Node, Scalar, Sequence, Table, plain, short

Checks = Mapping[str, Callable[..., object]]


def broken_rules(root: Table, checks: Checks | None = None) -> Iterator[Problem]:
    """Problems between keys, in no certain order.

    Args:
        root: the merged constitution.
        checks: the user's own checks by name.
    """
    levels = [item for item in _items(root, "levels") if isinstance(item, Scalar)]
    yield from _repeated(levels)
    known = list(dict.fromkeys(level.text for level in levels if level.kind == "text"))
    principles = [item for item in _items(root, "principles") if isinstance(item, Table)]
    for principle in principles:
        yield from _asks_something(principle, principles)
        yield from _level(principle, known)
        yield from _checks(principle, checks)
        yield from _cases(principle)
    yield from _weights(root, principles)
    shots = _get(root, "few_shots")
    for shot in _items(shots, "critique") if isinstance(shots, Table) else ():
        yield from _turns(shot, last="assistant")
    yield from _templates(root)


def check_specs(check: Mapping[str, Any]) -> tuple[CheckSpec, ...]:
    """The checks of one principle as plain data, in the order of their names."""
    return tuple(CheckSpec(name, _canonical(params)) for name, params in sorted(check.items()))


def _canonical(params: object) -> str:
    return json.dumps(params or {}, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)


def _get(table: Table, key: str) -> Node | None:
    entry = table.entries.get(key)
    return None if entry is None else entry.value


def _items(table: Table, key: str) -> tuple[Node, ...]:
    found = _get(table, key)
    return found.items if isinstance(found, Sequence) else ()


def _repeated(items: list[Scalar]) -> Iterator[Problem]:
    seen: set[str] = set()
    for item in items:
        if item.text in seen:
            yield item.place.problem(f"'{short(item.text)}' is listed twice")
        seen.add(item.text)


def _asks_something(principle: Table, principles: list[Table]) -> Iterator[Problem]:
    has = principle.entries
    for one, other in (("critique", "revision"), ("revision", "critique")):
        if one in has and other not in has:
            yield has[one].key.problem(f"`{one}` stands without `{other}`: give both, or neither")
    if not has.keys() & {"critique", "revision", "preference", "asks"}:
        message = "asks nothing of a model: give `critique` with `revision`, `preference`, or `asks`"
        yield principle.place.problem(message + _of_a_parent(principle, principles))


def _of_a_parent(principle: Table, principles: list[Table]) -> str:
    """The id of a parent that a principle may have meant to change, where its own is like it."""
    ids = [found for one in principles if isinstance(found := _get(one, "id"), Scalar)]
    file, own = principle.place.file, _get(principle, "id")
    inherited = [id.text for id in ids if id.place.file != file]
    close = nearest(own.text, inherited) if isinstance(own, Scalar) else ""
    return f"; or, to change an inherited one{close}" if "did you mean" in close else ""


def _level(principle: Table, levels: list[str]) -> Iterator[Problem]:
    level = _get(principle, "level")
    if isinstance(level, Scalar) and level.kind == "text" and level.text not in levels:
        known = nearest(level.text, levels) or ": name it in the constitution's `levels`"
        yield level.place.problem(f"'{short(level.text)}' is an unknown level{known}")


def _checks(principle: Table, checks: Checks | None) -> Iterator[Problem]:
    found = _get(principle, "check")
    if not isinstance(found, Table):
        return
    for name, entry in found.entries.items():
        if message := _check(name, entry, checks):
            yield entry.key.problem(message)


def _check(name: str, entry: Entry, checks: Checks | None) -> str:
    from constitution.checks import build

    params = plain(entry.value)
    if params is not None and not isinstance(params, dict):
        return f"is {describe(entry.value)}, expected a mapping of parameters, or nothing"
    if dated := _date(params):
        return f'holds a date ({short(dated.text)}): write it in quotes, "{short(dated.text)}"'
    try:
        build(CheckSpec(name, _canonical(params)), checks)
    except ValueError as error:  # json.dumps raises it too, for infinity and NaN
        return str(error)
    return ""


def _date(value: object) -> Date | None:
    if isinstance(value, Date):
        return value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for part in parts if (found := _date(part)) is not None), None)


def _cases(principle: Table) -> Iterator[Problem]:
    for case in _items(principle, "cases"):
        if not isinstance(case, Table):
            continue
        if not case.entries.keys() & {"good", "bad"}:
            yield case.place.problem("gives no answer: give `good`, `bad` or both")
        situation = _get(case, "situation")
        if situation is not None:
            yield from _turns(situation, last="user")


def _turns(conversation: Node, last: str) -> Iterator[Problem]:
    """Problems with the order of turns: an optional system turn, then user and assistant, `last` at the end."""
    if not isinstance(conversation, Sequence):
        return
    turns = [turn for turn in conversation.items if isinstance(turn, Table)]
    roles = [found.text for turn in turns if isinstance(found := _get(turn, "role"), Scalar)]
    if len(roles) != len(conversation.items) or not set(roles) <= {"system", "user", "assistant"}:
        return  # told elsewhere
    start = 1 if roles[:1] == ["system"] else 0
    for at, role in enumerate(roles[start:]):
        expected = ("user", "assistant")[at % 2]
        if role != expected:
            message = f"a turn of role '{role}' stands where '{expected}' is expected (a system turn only comes first)"
            yield turns[start + at].place.problem(message)
            return
    if roles and roles[-1] != last:
        yield turns[-1].place.problem(f"the last turn has the role '{roles[-1]}', expected '{last}'")


def _weights(root: Table, principles: list[Table]) -> Iterator[Problem]:
    weights = [_get(principle, "weight") for principle in principles]
    if weights and all(isinstance(weight, Scalar) and _is_zero(weight) for weight in weights):
        yield root.entries["principles"].key.problem("every weight is 0, so no principle is left: give one a weight")


def _is_zero(weight: Scalar) -> bool:
    return weight.kind in {"integer", "number"} and plain(weight) == 0


def _templates(root: Table) -> Iterator[Problem]:
    from constitution.templates import TEMPLATE_NAMES, check_template

    templates = _get(root, "templates")
    if not isinstance(templates, Table):
        return
    for name, entry in templates.entries.items():
        if name not in TEMPLATE_NAMES:
            yield entry.key.problem(f"is an unknown template{nearest(name, TEMPLATE_NAMES)}")
        elif isinstance(entry.value, Scalar) and entry.value.kind == "text":
            try:
                check_template(name, entry.value.text)
            except TemplateError as error:
                yield entry.value.place.problem(str(error))
