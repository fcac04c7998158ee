"""`judge` and `score`: what they take, what they give back, and the doors that they stand behind."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from constitution import (
    CallableJudge,
    Completion,
    Constitution,
    EngineDeadError,
    InputError,
    Prompt,
    RecordError,
    Request,
    Scores,
    ScriptedEngine,
    Trace,
    Verdict,
)
from constitution.api.judging import judge_of
from constitution.engine import Engine
from constitution.errors import RequestRefused, SettingsError
from constitution.messages import user
from constitution.principles import Principle, Principles
from constitution.run.serving import pool
from constitution.steps.agreement import Agreement, agreement
from constitution.steps.label import Labelling
from tests.scripted_judges import PRINCIPLES, judge, oracle, quality

MINE = Constitution(PRINCIPLES)
TEXTS = [f"answer {number}" for number in range(20)]
GOOD, BAD = max(TEXTS, key=quality), min(TEXTS, key=quality)
PAIR = {"prompt": "u", "text_a": GOOD, "text_b": BAD}


def lengths(_: object, responses: Sequence[str]) -> list[float]:
    return [float(len(text)) for text in responses]


def better(found: Verdict | list[Verdict]) -> Any:
    return found.better if isinstance(found, Verdict) else [one.better for one in found]


def engine(script: Any = oracle, **options: Any) -> ScriptedEngine:
    return ScriptedEngine(script, **options)


@pytest.mark.parametrize(
    ("prompt", "pair"),
    [("u", (GOOD, BAD)), ([{"role": "user", "content": "u"}], (GOOD, BAD)),
     ({"prompt": "u", "tags": ["x"]}, (GOOD, BAD)), (Prompt("own", (user("u"),)), (GOOD, BAD)), (PAIR, ()),
     ({"prompt": "u", "chosen": GOOD, "rejected": BAD}, ()), (Prompt("own", (user("u"),), responses=(GOOD, BAD)), ())],
    ids=["text", "turns", "row", "prompt", "row of a pair", "preference row", "prompt with answers"],
)  # fmt: skip
def test_one_pair(prompt: object, pair: tuple[str, str] | tuple[()]) -> None:
    """A pair in any form gives one verdict, with everything that led to it."""
    found = MINE.judge(prompt, *pair, model=engine())
    assert isinstance(found, Verdict)
    assert (found.better, found.a, found.b, found.reason, found.error) == ("a", GOOD, BAD, None, None)
    assert found.level == "first"
    assert found.p is not None
    assert found.p > 0.85
    assert [opinion.principle for opinion in found.by_principle] == ["kind", "short", "true", "plain"]
    assert [len(reading.reads) for reading in found.reads] == [2, 2, 2, 2]
    assert found.tokens["judge"]["requests"] == 8


def test_many_pairs() -> None:
    """Lists in, a list out, in their order; prompts, answers and rows alike, and anything that can be gone through."""
    prompts = [f"u{n}" for n in range(6)]
    a, b = [GOOD, BAD, GOOD, BAD, GOOD, GOOD], [BAD, GOOD, BAD, GOOD, BAD, GOOD + "."]
    expected = ["a", "b", "a", "b", "a", "tie"]
    rows = [{"prompt": p, "text_a": x, "text_b": y} for p, x, y in zip(prompts, a, b, strict=True)]
    for found in (
        MINE.judge(prompts, a, b, model=engine()),
        MINE.judge(iter(prompts), tuple(a), iter(b), model=engine()),
        MINE.judge(rows, model=engine()),
        MINE.judge((row for row in rows), judge=engine(), mode="text"),
    ):
        assert isinstance(found, list)
        assert better(found) == expected
        assert [one.prompt.conversation[-1].content for one in found] == prompts


def test_a_data_set() -> None:
    """A `datasets.Dataset` of pairs is judged row by row."""
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_list([PAIR, {"prompt": "v", "text_a": BAD, "text_b": GOOD}])
    assert better(MINE.judge(rows, model=engine())) == ["a", "b"]


def test_agreement_without_a_run() -> None:
    """What people said of rows that are judged in Python stands in their traces."""
    rows = [{**PAIR, "label": label} for label in ("a", "b", "tie", None)]
    found = MINE.judge(rows, model=engine())
    assert isinstance(found, list)
    traces = [one.result for one in found if isinstance(one.result, Trace)]
    assert agreement(traces, Labelling()) == Agreement(agree=1, disagree=1, people_tie=1)


WRONG: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "no judge": (("u", "x", "y"), {}, "give the judge once"),
    "two judges": (("u", "x", "y"), {"model": "scripted", "judge": lengths}, "give the judge once"),
    "a number": (("u", "x", "y"), {"judge": 3}, "the judge is of type int, expected a model string, an engine"),
    "one answer": (("u", "x"), {"judge": lengths}, "give both answers"),
    "none": (("u",), {"judge": lengths}, "brings no answers to judge"),
    "empty list": (([], [], []), {"judge": lengths}, "the list of prompts is empty"),
    "no prompts": ((3, "x", "y"), {"judge": lengths}, "found int"),
    "lengths": ((["u", "v"], ["x"], ["y", "z"]), {"judge": lengths}, "a has 1 answers for 2 prompts"),
    "a text for a list": ((["u", "v"], ["x", "w"], "yz"), {"judge": lengths}, "b is one answer, and there are 2"),
    "lists for a text": (("u", ["x"], "y"), {"judge": lengths}, "a is a list, and there is one prompt"),
    "blank": (("u", "x", " "), {"judge": lengths}, "prompt: b: is empty"),
    "no text": (("u", 3, "y"), {"judge": lengths}, "prompt: a: expected a text, found the number 3"),
    "in a list": ((["u", "v"], ["x", "y"], ["z", ""]), {"judge": lengths}, "prompts: [1].b: is empty"),
    "surrogate": (("u", "x", "\ud800"), {"judge": lengths}, "half of a surrogate pair"),
    "bad row": (([PAIR, {"prompt": "u"}],), {"judge": lengths}, "prompts: [1]: the row brings no answers"),
    "three": (([PAIR, {"prompt": "u", "responses": ["x", "y", "z"]}],), {"judge": lengths},
              "[1]: judge compares two answers"),
    "answered": (({"prompt": "u", "response": "w"}, "x", "y"), {"judge": lengths}, "brings an answer of its own"),
    "pair and answers": ((PAIR, "x", "y"), {"judge": lengths, "answers": True}, "brings an answer of its own"),
    "setting": (("u", "x", "y"), {"judge": lengths, "sed": 1}, "sed: unknown setting"),
    "key": (("u", "x", "y"), {"judge": lengths, "judge_read": "scoring"}, "here it is read="),
    "value of a model": (("u", "x", "y"), {"model": "scripted", "read": "value"}, "judge=f"),
    "pairwise of a function": (("u", "x", "y"), {"judge": lengths, "read": "pairwise"}, "take read value"),
    "thinking function": (("u", "x", "y"), {"judge": lengths, "mode": "think"}, "think"),
    "principles": (("u", "x", "y"), {"model": "scripted", "principles": -1}, "principles"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "named", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_refused(given: tuple[Any, ...], named: dict[str, Any], message: str) -> None:
    """Before anything is asked, saying what was wrong and where."""
    with pytest.raises(InputError) as caught:
        MINE.judge(*given, **named)
    assert message in str(caught.value)


def test_a_constitution_without_what_is_asked() -> None:
    """Comparing needs `preference`, scoring `asks`; a function needs neither."""
    bare = Constitution(Principles("bare", "1", (Principle("p", text="t", asks="Is it?"),)))
    with pytest.raises(SettingsError, match="no principle with `preference`"):
        bare.judge("u", "x", "y", model="scripted")
    assert isinstance(bare.score("u", "x", model="scripted"), Scores)
    assert better(bare.judge("u", "xx", "y", judge=lengths)) == "a"


def test_prompts_that_no_principle_is_for() -> None:
    """They have no verdict, with the reason, and ask nothing."""
    limited = Principle("p", text="t", preference="Which?", asks="Is it?", applies_to=("benign",))
    mine = Constitution(Principles("limited", "1", (limited,)))
    rows = [{**PAIR, "tags": ["benign"]}, {**PAIR, "tags": ["harmful"]}, PAIR]
    found = mine.judge(rows, model=engine())
    assert isinstance(found, list)
    assert [(one.better, one.reason, bool(one.tokens)) for one in found] == [
        ("a", None, True), (None, "no_principle", False), (None, "no_principle", False)
    ]  # fmt: skip
    scored = mine.score({"prompt": "u", "tags": ["harmful"]}, "x", model=engine())
    assert isinstance(scored, Scores)
    assert (scored.total, scored.reason) == (None, "no_principle")


def test_a_pair_that_does_not_fit() -> None:
    """Is no error: it has no verdict, and the reason."""
    found = MINE.judge(["u", "u"], ["x", "x " * 9000], ["y", "y"], model=engine(max_context=3000))
    assert isinstance(found, list)
    assert [one.reason for one in found] == [None, "too_long"]


def refusing(request: Request) -> Exception | None:
    return RequestRefused("no [red] such thing") if "poison" in request.messages[-1].content else None


def test_one_error_never_raises_for_a_list() -> None:
    """It is that pair's verdict; given alone it raises."""
    found = MINE.judge(["u", "poison"], ["x", "x"], ["y", "y"], model=engine(fault=refusing))
    assert isinstance(found, list)
    assert [(one.reason, one.error) for one in found] == [
        (None, None),
        ("failed", "RequestRefused: no [red] such thing"),
    ]
    with pytest.raises(RecordError, match=r"no \[red\] such thing"):
        MINE.judge("poison", "x", "y", model=engine(fault=refusing))
    with pytest.raises(RecordError, match="raised ZeroDivisionError"):
        MINE.score("u", "x", judge=lambda *_: [1 / 0])


def test_a_function_that_fails_on_some() -> None:
    """Costs those pairs their verdicts and no others, whatever shared a batch."""

    def f(_: object, responses: list[str]) -> list[float]:
        if any("poison" in text for text in responses):
            raise ValueError("poison")
        return lengths(_, responses)

    found = MINE.judge(["u"] * 3, ["xx", "poison", "x"], ["y", "z", "yy"], judge=f)
    assert better(found) == ["a", None, "b"]


def test_scores() -> None:
    """A vector by principle and one number; of rows that bring their answer too, and of many."""
    one = MINE.score("u", GOOD, model=engine())
    assert isinstance(one, Scores)
    assert one.response == GOOD
    assert list(one.by_principle) == ["kind", "short", "true", "plain"]
    assert one.p("kind") == pytest.approx(quality(GOOD))
    assert one.total == pytest.approx(quality(GOOD))
    assert one.reason is None
    with pytest.raises(KeyError):
        one.p("other")
    rows = [
        {"prompt": "u", "response": GOOD},
        [{"role": "user", "content": "u"}, {"role": "assistant", "content": GOOD}],
    ]
    for many in (MINE.score(["u", "u"], [GOOD, BAD], model=engine()), MINE.score(rows, model=engine())):
        assert isinstance(many, list)
        assert many[0].total == one.total
        assert many[0].prompt.id == one.prompt.id


def test_scores_of_a_function() -> None:
    """Its own number, whatever its size; no principles."""
    one = MINE.score("u", "four", judge=lambda *_: [-4000.5])
    assert isinstance(one, Scores)
    assert (one.total, dict(one.by_principle), one.reason) == (-4000.5, {}, None)
    with pytest.raises(InputError, match="prompt: has no answer to score"):
        MINE.score("u", judge=lengths)


def test_margins_of_a_function() -> None:
    """f(a) - f(b): a tie within the band, and nothing of it is squeezed before."""
    for a, b, expected in ((1000.0, -1000.0, "a"), (0.1, 0.0, "tie"), (0.0, 0.5, "b")):
        values = {"x": a, "y": b}
        found = MINE.judge("u", "x", "y", judge=lambda _, texts, values=values: [values[text] for text in texts])
        assert isinstance(found, Verdict)
        assert (found.better, found.margin) == (expected, a - b if expected != "tie" else 0.0)
    wide = MINE.judge("u", "x" * 3, "y", judge=lengths, tie_band=5)
    assert better(wide) == "tie"


def test_a_named_function_is_an_engine() -> None:
    """A `CallableJudge` is given as model or as judge, and stays open for the next call."""
    calls: list[int] = []

    def f(_: object, responses: list[str]) -> list[float]:
        calls.append(len(responses))
        return lengths(_, responses)

    mine = CallableJudge(f, "mine", batch=4)
    assert better(MINE.judge(["u"] * 5, ["xx"] * 5, ["y"] * 5, judge=mine)) == ["a"] * 5
    assert calls == [4, 4, 2]
    assert better(MINE.judge("u", "x", "yy", model=mine)) == "b"


class Bar:
    """Values an answer by whether it is as long as the bar, which stands in no name."""

    def __init__(self, bar: int) -> None:
        self.bar = bar

    def __call__(self, _: object, responses: Sequence[str]) -> list[float]:
        return [float(len(text) >= self.bar) for text in responses]


@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "as an engine"])
@pytest.mark.parametrize(
    "f", [lambda _, texts: [float(len(text)) for text in texts], partial(lengths), Bar(3), Bar(3).__call__],
    ids=["lambda", "partial", "object", "method"],
)  # fmt: skip
def test_a_run_wants_a_name_of_its_judge(f: Any, wrapped: bool, tmp_path: Path) -> None:
    """What a run keeps under a name that another judge may have would be taken for the other's."""
    asked: list[Request] = []

    def script(request: Request) -> str:
        asked.append(request)
        return "x"

    given = CallableJudge(f) if wrapped else f
    settings: dict[str, Any] = {"model": engine(script), "recipe": "ai_feedback", "judge": given}
    for call in (MINE.generate, MINE.preview):
        with pytest.raises(
            SettingsError, match=r"by which a run could tell .* judge=CallableJudge\(f, name='\.\.\.'\)"
        ):
            call(["u"], tmp_path / "run", **settings)
    assert not asked
    assert not (tmp_path / "run").exists()
    assert better(MINE.judge("u", "xxxx", "y", judge=given)) == "a"


def test_a_judge_of_a_run_by_its_name() -> None:
    """Functions have one; whatever else is called is given one."""
    for judge_ in (lengths, CallableJudge(lengths), CallableJudge(Bar(3), "bar-3")):
        found, settings = judge_of(judge_, {})
        assert isinstance(found, CallableJudge)
        assert found.name in ("bar-3", f"{__name__}.lengths")
        assert settings == {"judge_read": "value"}


def test_a_function_is_not_kept() -> None:
    """The process holds no engine for a function that one call was given."""
    before = dict(pool._own)
    MINE.judge("u", "x", "yy", judge=lengths)
    assert pool._own == before


def test_settings() -> None:
    """Keys of a run file: a system turn, the seed, the judge's own sampling; the clamp bears on the verdict."""
    shown: list[Request] = []

    def script(request: Request) -> Completion:
        shown.append(request)
        return oracle(request)

    found = MINE.judge(
        "u", GOOD, BAD, model=engine(script), system="Be brief.", mode="think", clamp=0.6, principles=1,
        roles={"judge": {"max_tokens": 99}},
    )  # fmt: skip
    assert isinstance(found, Verdict)
    assert {request.sampling.max_tokens for request in shown if request.stage == "think"} == {99}
    assert all("Be brief." in request.messages[0].content for request in shown)
    assert len(found.by_principle) == 1
    assert found.p == pytest.approx(0.6)


def test_inside_a_running_loop_and_the_twins() -> None:
    """As notebooks call it, and awaited."""

    async def notebook() -> list[Any]:
        return [
            better(MINE.judge("u", GOOD, BAD, model=engine())),
            better(MINE.judge("u", "xx", "y", judge=lengths)),
            better(await MINE.ajudge(["u"], [BAD], [GOOD], model=engine())),
            better(await MINE.ajudge("u", "xx", "y", judge=lengths)),
            (await MINE.ascore("u", "four", judge=lengths)).total,  # type: ignore[union-attr]  # one answer
            MINE.score("u", "four", judge=lengths).total,  # type: ignore[union-attr]  # one answer
        ]

    assert asyncio.run(notebook()) == ["a", "a", ["b"], "a", 4.0, 4.0]


def test_several_threads() -> None:
    """Share one judge, which is never called by two at a time."""
    busy = threading.Lock()

    def f(_: object, responses: list[str]) -> list[float]:
        assert busy.acquire(blocking=False)
        try:
            return lengths(_, responses)
        finally:
            busy.release()

    shared = CallableJudge(f, "shared", batch=3)
    with ThreadPoolExecutor(6) as threads:
        found = list(
            threads.map(lambda n: MINE.judge(["u"] * 7, ["x" * n] * 7, ["x" * 3] * 7, judge=shared), range(1, 7))
        )
    assert [better(one)[0] for one in found] == ["b", "b", "tie", "a", "a", "a"]


def test_a_dead_engine_is_told() -> None:
    """And forgotten, so that the next call starts it anew."""
    dying = engine(fault=lambda _: EngineDeadError("gone"))
    with pytest.raises(EngineDeadError):
        MINE.judge(["u"], ["x"], ["y"], model=dying)
    assert id(dying) not in pool._own


@pytest.mark.parametrize(
    "way", [{"read": "pairwise"}, {"read": "scoring"}, {"mode": "text"}, {"mode": "think"}], ids=str
)
def test_plain_data(way: dict[str, Any]) -> None:
    """Everything as JSON, in `str` as people read it, and hostile text as text."""
    found = MINE.judge("u [red]", "<b>x</b>", BAD, model=engine(), **way)
    assert isinstance(found, Verdict)
    data = json.loads(json.dumps(found.to_json()))
    assert (data["a"], data["b"], data["better"]) == ("<b>x</b>", BAD, found.better)
    assert repr(found).startswith("<Verdict 'u [red]': ")
    assert "<b>x" not in found._repr_html_()


def test_repr() -> None:
    """One line says what became of it."""
    tied = MINE.judge("u", "x", "y", model=engine(judge(lambda *_: 0.5)))
    none = MINE.judge("u", "x", "y", model=engine(lambda request: Completion("?", logprobs=(None, None))))
    told = [repr(tied), repr(none), repr(MINE.judge("u", "xx", "y", judge=lengths))]
    assert told == [
        "<Verdict 'u': a tie>", "<Verdict 'u': none (unreadable)>", "<Verdict 'u': a is better, p(a) = 0.73>"
    ]  # fmt: skip
    scored = [
        MINE.score("u", "four", judge=lengths),
        MINE.score("u", "x", model=engine(judge(lambda *_: 0.5, lambda _: 0.25))),
    ]
    assert [repr(one) for one in scored] == ["<Scores 'u': 4>", "<Scores 'u': 0.25, 4 principles>"]
    assert json.loads(json.dumps(scored[1].to_json()))["by_principle"]["kind"] == pytest.approx(-1.0986, abs=1e-3)  # type: ignore[union-attr]  # one answer


def test_an_engine_of_ones_own() -> None:
    """Anything with the seam's methods is an engine, however else it may be called."""

    class Both(ScriptedEngine):
        def __call__(self) -> None:
            raise AssertionError("called")

    own: Engine = Both(oracle)
    assert better(MINE.judge("u", GOOD, BAD, judge=own)) == "a"
