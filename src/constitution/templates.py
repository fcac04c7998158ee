"""Prompt templates: Jinja with a short list of what is allowed, filled in one pass.

Templates come from files that people share, so they are data to be wary of. A template may output variables, compare
them, use `if` and a few filters, and nothing else: no calls, no loops, no assignments, no arithmetic, no includes. What
remains cannot reach Python, and takes time and room in proportion to its own text and that of its variables. The values
that fill it are text: they are never read as templates again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from traceback import walk_tb

from jinja2 import StrictUndefined, Template, nodes
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.exceptions import TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from constitution.errors import TemplateError
from constitution.principles import Principle

TEMPLATE_NAMES: tuple[str, ...] = (
    "critique", "critique_finding", "revise", "revise_direct", "contrast",
    "judge_open", "judge_ask", "judge_think", "judge_decide", "judge_shot",
    "score_open", "score_ask", "score_ask_broken",
)  # fmt: skip
VARIABLES: tuple[str, ...] = ("context", "principle")
OPENINGS: tuple[str, ...] = ("judge_open", "score_open")
"""Templates of what the judge reads before the texts, the same under every principle."""
OPENING_VARIABLES: tuple[str, ...] = ("context", "nonce")
PRINCIPLE_FIELDS: tuple[str, ...] = (
    "id", "text", "critique", "revision", "preference", "asks", "asks_broken", "why",
)  # fmt: skip

MAX_TEMPLATE = 20_000
"""Characters of a template."""
MAX_OUTPUT = 200_000
"""Characters of a filled template."""
MAX_DEPTH = 30
"""Blocks, brackets and filters inside one another."""

_FILTERS = frozenset({"trim", "upper", "lower", "capitalize", "default"})
_NODES: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.Name, nodes.Const, nodes.Getattr, nodes.Filter,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr,
)  # fmt: skip

_environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False, trim_blocks=False, cache_size=0
)
_environment.globals.clear()


@lru_cache(maxsize=len(TEMPLATE_NAMES))
def shipped_template(name: str) -> str:
    """The text of a shipped template."""
    return (resources.files("constitution.shipped") / "templates" / f"{name}.jinja").read_text("utf-8")


def check_template(name: str, text: str) -> None:
    """Refuse a template that is unknown, does not parse, uses more than is allowed, or breaks on short values.

    Raises:
        TemplateError: with the line inside the template and what was expected.
    """
    if name not in TEMPLATE_NAMES:
        raise TemplateError(f"unknown template '{name}', expected one of {', '.join(TEMPLATE_NAMES)}")
    probe = Principle("x", text="x", critique="x", revision="x", preference="x", asks="x", asks_broken="x", why="x")
    _fill(f"template '{name}'", _compiled(name, text), probe, "x", "0")


@lru_cache(maxsize=256)
def _compiled(name: str, text: str) -> Template:
    if len(text) > MAX_TEMPLATE:
        raise TemplateError(f"template '{name}' has {len(text)} characters, at most {MAX_TEMPLATE} are allowed")
    if not text.strip():
        raise TemplateError(f"template '{name}' is empty")
    try:
        tree = _environment.parse(text)
    except TemplateSyntaxError as error:
        raise TemplateError(f"template '{name}' line {error.lineno}: {error.message}") from None
    except RecursionError:
        raise TemplateError(f"template '{name}' is nested too deep") from None
    except ValueError:
        raise TemplateError(f"template '{name}' holds a number of thousands of digits") from None
    for child in tree.iter_child_nodes():
        _check_node(name, child, line=1, depth=0)
    return _environment.from_string(tree)


def _check_node(name: str, node: nodes.Node, line: int, depth: int) -> None:
    line = node.lineno or line
    where = f"template '{name}' line {line}"
    if depth > MAX_DEPTH:
        raise TemplateError(f"{where}: nested more than {MAX_DEPTH} deep")
    if not isinstance(node, _NODES):
        kind = type(node).__name__.lower()
        raise TemplateError(
            f"{where}: '{kind}' is not allowed; use text, variables, if, comparisons and simple filters"
        )
    if isinstance(node, nodes.Getattr):
        _check_field(name, where, node)
        return
    variables = OPENING_VARIABLES if name in OPENINGS else VARIABLES
    if isinstance(node, nodes.Name) and node.name not in variables:
        raise TemplateError(f"{where}: unknown variable '{node.name}', expected one of {', '.join(variables)}")
    if isinstance(node, nodes.Name) and node.name == "principle":
        raise TemplateError(f"{where}: 'principle' is no text, use one of its fields, like principle.critique")
    if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
        raise TemplateError(
            f"{where}: filter '{node.name}' is not allowed, expected one of {', '.join(sorted(_FILTERS))}"
        )
    for child in node.iter_child_nodes():
        _check_node(name, child, line, depth + 1)


def _check_field(name: str, where: str, node: nodes.Getattr) -> None:
    if name in OPENINGS:
        raise TemplateError(
            f"{where}: '.{node.attr}' is not allowed; this template stands before the texts, the same under every "
            f"principle, it knows {' and '.join(OPENING_VARIABLES)}"
        )
    if not (isinstance(node.node, nodes.Name) and node.node.name == "principle"):
        raise TemplateError(f"{where}: '.{node.attr}' is not allowed; only `principle` has fields")
    if node.attr not in PRINCIPLE_FIELDS:
        raise TemplateError(
            f"{where}: a principle has no '{node.attr}' here, expected one of {', '.join(PRINCIPLE_FIELDS)}"
        )


def _fill(where: str, template: Template, principle: Principle | None, context: str, nonce: str = "") -> str:
    values: dict[str, object] = {"context": context, "nonce": nonce}
    if principle is not None:
        values["principle"] = {field: getattr(principle, field) for field in PRINCIPLE_FIELDS}
    out: list[str] = []
    size = 0
    try:
        for piece in template.generate(values):
            size += len(piece)
            if size > MAX_OUTPUT:
                raise TemplateError(f"{where} grows past {MAX_OUTPUT} characters")
            out.append(piece)
        filled = "".join(out)
        filled.encode()
    except (JinjaError, TypeError, ValueError) as error:
        raise TemplateError(f"{where}{_line(error)}: {error}") from None
    return filled


def _line(error: Exception) -> str:
    """The line of the template in which it broke, as Jinja wrote it into the traceback."""
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == "<template>"]
    return f" line {lines[-1]}" if lines else ""


def fill(name: str, principle: Principle, context: str, own: Mapping[str, str]) -> str:
    """Fill a template, the constitution's own or the shipped one, for one principle.

    Raises:
        TemplateError: if it cannot be filled, or says nothing.
    """
    return _filled(f"template '{name}' for principle '{principle.id}'", name, principle, context, own)


def fill_opening(name: str, nonce: str, context: str, own: Mapping[str, str]) -> str:
    """Fill one of OPENINGS.

    Raises:
        TemplateError: if it cannot be filled, or says nothing.
    """
    return _filled(f"template '{name}'", name, None, context, own, nonce)


def _filled(
    where: str, name: str, principle: Principle | None, context: str, own: Mapping[str, str], nonce: str = ""
) -> str:
    text = own.get(name)
    template = _compiled(name, shipped_template(name) if text is None else text)
    filled = _fill(where, template, principle, context, nonce)
    if not filled.strip():
        raise TemplateError(f"{where} gives an empty text: it is a turn of a conversation and must say something")
    return filled
