"""Templates: a short list of what is allowed; everything else is refused at load, with its line."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.errors import TemplateError
from constitution.principles import Principle
from constitution.templates import (
    MAX_DEPTH,
    MAX_OUTPUT,
    MAX_TEMPLATE,
    OPENINGS,
    PRINCIPLE_FIELDS,
    TEMPLATE_NAMES,
    check_template,
    fill,
    fill_opening,
    shipped_template,
)
from tests.strategies import HOSTILE, texts

PRINCIPLE = Principle("kind", text="Be kind.", critique="What is unkind?", revision="Mend it.", why="It helps.")
JUDGED = Principle("kind", preference="Which is kinder?", asks="Is it kind?", asks_broken="Is it unkind?")
SHOWS = {
    "critique": "What is unkind?", "critique_finding": "What is unkind?", "revise": "Mend it.",
    "revise_direct": "Mend it.", "judge_open": "end in 0a1b", "score_open": "end in 0a1b",
    "judge_ask": "Which is kinder?", "judge_think": "Which is kinder?", "judge_decide": "A or B",
    "judge_shot": "A or B",
    "contrast": "Be kind.", "score_ask": "Is it kind?", "score_ask_broken": "Is it unkind?",
}  # fmt: skip


def filled(text: str, principle: Principle = PRINCIPLE, context: str = "") -> str:
    check_template("critique", text)
    return fill("critique", principle, context, {"critique": text})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Say what is wrong.", "Say what is wrong."),
        ("{{ principle.critique }}", "What is unkind?"),
        ("{% if context %}{{ context }} {% endif %}x", "x"),
        ("{% if not context and principle.why %}{{ principle.why }}{% else %}y{% endif %}", "It helps."),
        ("{% if context == 'a' %}a{% elif principle.id == 'kind' %}b{% else %}c{% endif %}", "b"),
        ("{% if 'kind' in principle.text %}yes{% endif %}", "yes"),
        ("{{ principle.text|upper|trim }}", "BE KIND."),
        ("{{ principle.asks|default('none', true) }}", "none"),
        ("{{ principle.asks or principle.text }}", "Be kind."),
        ("{{ principle.why if principle.why else 'x' }}", "It helps."),
        ("{# a note #}a{{ 'b' }}", "ab"),
        ("{% raw %}{{ context }}{% endraw %}", "{{ context }}"),
        ("a\n\n{{ principle.id }}\n", "a\n\nkind"),
    ],
)
def test_what_is_allowed(text: str, expected: str) -> None:
    """Text, variables, if, comparisons and simple filters do what a reader expects."""
    assert filled(text) == expected


REFUSED = {
    "undefined variable": "{{ secret }}",
    "undefined in a branch that is not taken": "{% if false %}{{ secret }}{% endif %}",
    "unknown field": "{{ principle.check }}",
    "checks": "{{ principle.checks }}",
    "cases": "{{ principle.cases }}",
    "the principle as a whole": "{{ principle }}",
    "class": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "class of a variable": "{{ context.__class__ }}",
    "class of the principle": "{{ principle.__class__ }}",
    "class by item": "{{ principle['__class__'] }}",
    "class by filter": "{{ context|attr('__class__') }}",
    "class by map": "{{ [context]|map(attribute='__class__')|list }}",
    "method": "{{ context.format(context) }}",
    "method of a field": "{{ principle.text.upper() }}",
    "globals of a method": "{{ principle.text.join.__globals__ }}",
    "lipsum": "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "cycler": "{{ cycler.__init__.__globals__.os.system('id') }}",
    "joiner": "{{ joiner() }}",
    "namespace": "{{ namespace(x=1) }}",
    "dict": "{{ dict(a=1) }}",
    "self": "{{ self._TemplateReference__context }}",
    "request": "{{ request.application }}",
    "config": "{{ config }}",
    "get_flashed_messages": "{{ get_flashed_messages }}",
    "call": "{{ context() }}",
    "multiply": "{{ 'a' * 50000000 }}",
    "power": "{{ 9 ** 9999999 }}",
    "plus": "{{ context + context }}",
    "minus": "{{ 1 - 1 }}",
    "negative": "{{ -1 }}",
    "modulo": "{{ '%s' % context }}",
    "concatenation": "{{ context ~ context }}",
    "list": "{{ [context, context] }}",
    "tuple": "{{ (context, context) }}",
    "mapping": "{{ {'a': 1} }}",
    "item": "{{ context[0] }}",
    "slice": "{{ context[::-1] }}",
    "range": "{% for x in range(10**9) %}x{% endfor %}",
    "nested range": "{% for x in range(100000) %}{% for y in range(100000) %}x{% endfor %}{% endfor %}",
    "loop over text": "{% for x in context %}x{% endfor %}",
    "loop": "{% for x in [1] %}x{% endfor %}",
    "recursive loop": "{% for x in [[1]] recursive %}{{ loop(x) }}{% endfor %}",
    "include": "{% include '/etc/passwd' %}",
    "import": "{% import 'os' as os %}",
    "from import": "{% from 'os' import system %}",
    "extends": "{% extends 'base' %}",
    "block": "{% block a %}x{% endblock %}",
    "macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "call block": "{% call m() %}x{% endcall %}",
    "set": "{% set x = 1 %}",
    "set block": "{% set x %}y{% endset %}",
    "with": "{% with x = 1 %}{{ x }}{% endwith %}",
    "filter block": "{% filter upper %}x{% endfilter %}",
    "autoescape": "{% autoescape true %}x{% endautoescape %}",
    "do": "{% do context.append(1) %}",
    "debug": "{% debug %}",
    "translation": "{% trans %}x{% endtrans %}",
    "test": "{% if context is divisibleby(0) %}x{% endif %}",
    "unknown test": "{% if context is nothing %}x{% endif %}",
    "unknown filter": "{{ context|nothing }}",
    "slow filter": "{{ context|urlize }}",
    "growing filter": "{{ context|center(50000000) }}",
    "indenting filter": "{{ context|indent(50000000) }}",
    "format filter": "{{ '%99999999d'|format(1) }}",
    "replace filter": "{{ context|replace('', context) }}",
    "keyword": "{{ context|default(boolean=true) }}",
    "filter with a wrong argument": "{{ context|trim(5) }}",
    "wrong argument in a branch": "{% if context %}{{ 'x'|trim(5) }}{% endif %}",
    "comparison of kinds": "{% if context > 5 %}x{% endif %}",
    "syntax": "{{ context",
    "unknown tag": "{% nothing %}",
    "unclosed if": "{% if context %}x",
    "closing nothing": "{% endif %}",
    "bad escape": "{{ '\\x' }}",
    "half a surrogate pair": "{{ '\\ud800' }}",
    "blank": "  \n",
    "nothing": "",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_refused_at_load(text: str) -> None:
    """Whatever could call, loop, grow, assign, include or look inside is refused before anything is filled."""
    with pytest.raises(TemplateError, match=r"^template 'critique'"):
        check_template("critique", text)


@pytest.mark.parametrize(
    "name", ["undefined variable", "include", "syntax", "multiply", "class", "range", "bad escape"]
)
def test_the_line_is_told(name: str) -> None:
    """The error names the line inside the template."""
    with pytest.raises(TemplateError, match="template 'revise' line 3: "):
        check_template("revise", f"one\ntwo\n{REFUSED[name]}")


def test_the_line_of_what_breaks_when_filled() -> None:
    """What breaks on a value only names its line too."""
    with pytest.raises(TemplateError, match="template 'revise' line 4: "):
        check_template("revise", "one\ntwo\n{{ context }}\n{% if context < 5 %}x{% endif %}")


DEEP = {
    "ifs": "{% if context %}" * 300 + "x" + "{% endif %}" * 300,
    "filters": "{{ context" + "|upper" * 2500 + " }}",
    "brackets": "{{ " + "(" * 3000 + "context" + ")" * 3000 + " }}",
    "nots": "{% if " + "not " * 3000 + "context %}x{% endif %}",
    "ors": "{{ " + " or ".join(["context"] * 1500) + " }}",
    "conditions": "{{ " + "context if context else " * 700 + "context }}",
    "digits": "{{ " + "1" * 5000 + " }}",
    "fields": "{{ principle" + ".text" * 3000 + " }}",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_deep_templates(text: str) -> None:
    """Deep nesting is refused in words, never with Python's own errors."""
    with pytest.raises(TemplateError):
        check_template("critique", text)


def test_depth_has_room() -> None:
    """Twenty blocks inside one another are well within the limit."""
    assert MAX_DEPTH > 20
    assert filled("{% if principle.id %}" * 20 + "x" + "{% endif %}" * 20) == "x"


WIDE = {
    "comparisons": "{% if " + " == ".join(["context"] * 1200) + " %}x{% endif %}y",
    "elifs": "{% if context == 'a' %}x" + "{% elif context == 'b' %}x" * 700 + "{% endif %}y",
    "outputs": "{{ principle.id }}" * 900,
    "text": "x" * MAX_TEMPLATE,
}


@pytest.mark.parametrize("text", WIDE.values(), ids=WIDE)
def test_wide_templates_are_fast(text: str) -> None:
    """A template as long as allowed is checked and filled in seconds, over long values too."""
    start = perf_counter()
    filled(text, context="c" * 100_000)
    assert perf_counter() - start < 10


def test_too_long() -> None:
    """A template over the limit is refused, with both numbers."""
    with pytest.raises(TemplateError, match=f"has {MAX_TEMPLATE + 1} characters, at most {MAX_TEMPLATE}"):
        check_template("critique", "x" * (MAX_TEMPLATE + 1))


def test_output_is_capped() -> None:
    """What grows past the limit when filled is refused, and names template and principle."""
    text = "{{ context }}" * 100
    assert len(filled(text, context="c" * (MAX_OUTPUT // 100))) == MAX_OUTPUT
    with pytest.raises(TemplateError, match=f"template 'critique' for principle 'kind' grows past {MAX_OUTPUT}"):
        filled(text, context="c" * (MAX_OUTPUT // 100 + 1))


def test_blank_for_one_principle() -> None:
    """A template that says nothing for one principle is refused when that principle is filled."""
    with pytest.raises(TemplateError, match="template 'critique' for principle 'kind' gives an empty text"):
        filled("{{ principle.asks }}")


def test_unchecked_templates_are_checked_when_filled() -> None:
    """A template that came in through Python is held to the same list."""
    with pytest.raises(TemplateError, match="'call' is not allowed"):
        fill("critique", PRINCIPLE, "", {"critique": "{{ context() }}"})


def test_unknown_name() -> None:
    """A template of an unknown name is refused with the known ones."""
    with pytest.raises(TemplateError, match="unknown template 'judge', expected one of critique, critique_finding"):
        check_template("judge", "x")


@pytest.mark.parametrize("name", TEMPLATE_NAMES)
def test_shipped_templates(name: str) -> None:
    """Every shipped template passes its own rules, needs no own one and shows what it is for."""
    check_template(name, shipped_template(name))
    principle = JUDGED if name.startswith(("judge", "score")) else PRINCIPLE
    filled = fill_opening(name, "0a1b", "", {}) if name in OPENINGS else fill(name, principle, "", {})
    assert SHOWS[name] in filled


@given(texts, st.sampled_from(OPENINGS))
def test_an_opening_knows_no_principle(context: str, name: str) -> None:
    """It stands before the texts and is the same under every principle; context and nonce go in verbatim."""
    assert fill_opening(name, "0a1b", context, {name: "<{{ nonce }}><{{ context }}>"}) == f"<0a1b><{context}>"
    with pytest.raises(TemplateError, match=r"line 1: '\.asks' is not allowed; .* knows context and nonce"):
        check_template(name, "{{ principle.asks }}")
    with pytest.raises(TemplateError, match="unknown variable 'principle', expected one of context, nonce"):
        check_template(name, "{{ principle }}")


def test_only_openings_know_the_nonce() -> None:
    """The question stands outside of the fences."""
    with pytest.raises(TemplateError, match="unknown variable 'nonce', expected one of context, principle"):
        check_template("judge_ask", "{{ nonce }}")


@given(texts, texts, st.sampled_from([name for name in TEMPLATE_NAMES if name not in OPENINGS]))
def test_values_are_not_templates(value: str, context: str, name: str) -> None:
    """Values go in verbatim, once, whatever they look like (law 6)."""
    principle = Principle("p", value, value, value, value, value, value, why=value)
    text = "".join(f"<{{{{ principle.{field} }}}}>" for field in PRINCIPLE_FIELDS[1:]) + "<{{ context }}>"
    assert fill(name, principle, context, {name: text}) == f"<{value}>" * (len(PRINCIPLE_FIELDS) - 1) + f"<{context}>"


PIECES = st.sampled_from(
    [
        *("{{", "}}", "{%", "%}", "{#", "#}", "-%}", "{{-", "{% raw %}", "{% endraw %}", "\n", "x", " ", "\\"),
        *(" if ", " else ", " endif ", " elif ", " for x in ", " endfor ", " set x = ", " macro m() "),
        *("context", "principle", ".critique", ".__class__", "self", "loop", "range(9)", "'a'", "1"),
        *("|upper", "|trim", "|default('a')", "|length", "('x')", "()", "[0]", ",", "(", ")"),
        *("*", "**", "~", " and ", " not ", " == ", " in ", " is defined"),
        *HOSTILE,
    ]
)
soups = st.lists(PIECES, max_size=14).map("".join)
well_formed = st.recursive(
    st.one_of(
        st.sampled_from(["x", "\n", "{{ context }}", "{{ principle.why|upper }}", "{{ 'a'|default('b') }}", "{# n #}"]),
        st.text("ab {}%#\n", max_size=6),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        inner.map(lambda one: "{% if context %}" + one + "{% endif %}"),
        st.tuples(inner, inner).map(lambda two: f"{{% if 'a' in context %}}{two[0]}{{% else %}}{two[1]}{{% endif %}}"),
    ),
    max_leaves=8,
)


@given(st.one_of(soups, well_formed), texts)
def test_any_template(text: str, context: str) -> None:
    """Any text at all is refused as a template, or fills the same each time, quickly and within the cap."""
    start = perf_counter()
    try:
        check_template("critique", text)
        first = fill("critique", PRINCIPLE, context, {"critique": text})
    except TemplateError:
        return
    finally:
        assert perf_counter() - start < 5
    assert first == fill("critique", PRINCIPLE, context, {"critique": text})
    assert 0 < len(first) <= MAX_OUTPUT
