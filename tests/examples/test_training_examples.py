"""The two stories in `examples/` run end to end with a scripted model and a tiny one that is trained."""

from __future__ import annotations

import importlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from constitution import Request, ScriptedEngine
from constitution.errors import SettingsError
from tests.tiny_tokenizer import tiny_tokenizer

EXAMPLES = Path(__file__).parents[2] / "examples"
OURS = ("dpo", "evaluation", "sl_cai_rlaif", "story")
STEPS = 2
LONG = "There is more to it than that. " * 8
pytestmark = [pytest.mark.train, pytest.mark.slow]


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a script as it imports its neighbours: by its folder."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    yield importlib.import_module
    for name in OURS:
        sys.modules.pop(name, None)


@pytest.fixture
def weights(tmp_path: Path) -> str:
    """A folder with a tiny Llama, made from a configuration."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = tiny_tokenizer(extra=("<pad>",))
    tokenizer.pad_token = "<pad>"
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_key_value_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), num_hidden_layers=1, **sizes)).save_pretrained(
        tmp_path / "tiny"
    )
    tokenizer.save_pretrained(tmp_path / "tiny")
    return str(tmp_path / "tiny")


def scripted(folder: Path | None) -> ScriptedEngine:
    """Keeps the principle in no draft to begin with, in revisions, and in every other draft of a trained model."""
    asked: Counter[str] = Counter()

    def said(request: Request) -> str:
        question = next(turn.content for turn in request.messages if turn.role == "user")
        if request.stage == "critique":
            return "It talks about nobody in particular."
        asked[request.record] += 1
        kept = request.stage == "revise" or (folder is not None and asked[request.record] % 2 == 0)
        return f"As for {question} it takes patience, says {request.key[:6]}. {'' if kept else LONG}"

    return ScriptedEngine(said, model="first" if folder is None else folder.name)


def silent(folder: Path | None) -> ScriptedEngine:
    """Must not be asked."""

    def said(request: Request) -> str:
        raise AssertionError(f"{request.record} was asked again")

    return ScriptedEngine(said, model="first" if folder is None else folder.name)


def options(story: Any, out: Path, **more: Any) -> Any:
    """A story of a few questions."""
    return story.Options(out, model="scripted", prompts=12, held_out=8, steps=STEPS, **more)


def losses(folder: Path) -> list[float]:
    """Of a training."""
    return [entry["loss"] for entry in json.loads((folder / "training.json").read_text())["log"]]


def test_dpo_story(example: Callable[[str], ModuleType], weights: str, tmp_path: Path) -> None:
    """Pairs are made, a model is trained and stands in a folder of its own, and what changed is told."""
    story, dpo = example("story"), example("dpo")
    told = dpo.story(options(story, tmp_path / "out"), scripted, weights)
    assert list(told) == ["before", "DPO"]
    assert len(losses(tmp_path / "out" / "tuned")) == STEPS
    assert (tmp_path / "out" / "tuned" / "model.safetensors").stat().st_size > 0
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    kept = found["measures"]["keeps the principle"]
    assert kept["before"]["value"] == 0
    assert kept["DPO - before"]["value"] == 0.5
    assert found["pairs"] == 12


def test_a_finished_story_asks_and_trains_nothing_again(
    example: Callable[[str], ModuleType], weights: str, tmp_path: Path
) -> None:
    """The same command goes on: answers and trained models that are complete are taken as they are."""
    story, dpo = example("story"), example("dpo")
    dpo.story(options(story, tmp_path / "out"), scripted, weights)
    trained = (tmp_path / "out" / "tuned" / "model.safetensors").stat().st_mtime_ns

    dpo.story(options(story, tmp_path / "out"), silent, weights)
    assert (tmp_path / "out" / "tuned" / "model.safetensors").stat().st_mtime_ns == trained
    with pytest.raises(SettingsError, match="trained in another way"):
        dpo.story(options(story, tmp_path / "out", rate=1e-3), silent, weights)


def test_sl_cai_rlaif_story(example: Callable[[str], ModuleType], weights: str, tmp_path: Path) -> None:
    """SFT on revisions, DPO on judged samples of the tuned model: three models are measured.

    What the other story asked of the first model is not asked again.
    """
    story, dpo, both = example("story"), example("dpo"), example("sl_cai_rlaif")
    first = options(story, tmp_path / "dpo")
    dpo.story(first, scripted, weights)
    again = options(story, tmp_path / "out", reuse=first.out)
    told = both.story(again, lambda folder: (scripted if folder else silent)(folder), weights)
    assert list(told) == ["before", "SL-CAI", "RLAIF"]
    assert len(losses(tmp_path / "out" / "sl-cai")) == len(losses(tmp_path / "out" / "rlaif")) == STEPS
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert found["revisions"] == found["pairs"] == 12
    assert "no harm rate" in found["judge"]


def test_a_judge_that_did_not_pass_judges_nothing(
    example: Callable[[str], ModuleType], weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is examined before anything is asked; then the story ends, and no number rests on what it says."""
    story, both = example("story"), example("sl_cai_rlaif")
    with pytest.raises(SystemExit, match="did not pass its examination: nothing was judged, and no harm rate"):
        both.story(options(story, tmp_path / "out", judge="scripted"), silent, weights)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["examination"]
    assert "scripted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"principle": "sixty-word"}, "none of this id, but forty-words"),
        ({"constitution": "balanced"}, "name a judge with --judge"),
    ],
)
def test_wrong_use_is_told_first(
    example: Callable[[str], ModuleType], tmp_path: Path, settings: dict[str, str], message: str
) -> None:
    """Before anything is asked."""
    story, both = example("story"), example("sl_cai_rlaif")
    with pytest.raises(SystemExit, match=message):
        both.story(options(story, tmp_path / "out", **settings), silent, "nowhere")
    assert not (tmp_path / "out").exists()
    with pytest.raises(SystemExit, match="a server's model cannot be trained"):
        story.weights_of(story.Options(tmp_path, model="http://localhost:8000#a"))
