"""Rows with tools go through TRL's own preparation, beside rows without."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from constitution.formats.kinds import preference
from constitution.formats.rows import write_rows
from tests.formats.test_tool_rows import MIXED, TOOLED, rows_of
from tests.tiny_tokenizer import tiny_tokenizer
from tests.tool_conversations import trl_template

pytestmark = pytest.mark.train


def trainer_of(name: str, rows: Any, folder: Path) -> tuple[Any, Any]:
    """A DPO trainer with a tiny model made from a configuration, and its tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl import DPOConfig, DPOTrainer

    tokenizer = tiny_tokenizer(trl_template(name), ("<pad>",))
    tokenizer.pad_token = "<pad>"
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_key_value_heads": 2}
    config = LlamaConfig(vocab_size=len(tokenizer), num_hidden_layers=1, **sizes)
    LlamaForCausalLM(config).save_pretrained(folder / "model")
    arguments = DPOConfig(
        output_dir=str(folder / "trained"), max_length=4096, report_to=[], use_cpu=True, bf16=False, fp16=False
    )
    model = LlamaForCausalLM.from_pretrained(folder / "model")
    return DPOTrainer(model=model, args=arguments, train_dataset=rows, processing_class=tokenizer), tokenizer


@pytest.mark.parametrize("name", ["llama3_1", "qwen2_5", "qwen3"])
def test_rows_with_tools_go_through_dpo(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls, results and tools stand in the prompts; a row without them has a prompt without a word of tools."""
    from datasets import load_dataset

    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "preference.parquet"
    write_rows(rows_of(preference, *MIXED), preference.schema(TOOLED), path, "parquet")
    rows = load_dataset("parquet", data_files=os.fspath(path), split="train", cache_dir=str(tmp_path / "cache"))
    trainer, tokenizer = trainer_of(name, rows, tmp_path)
    prepared = {row["id"]: row for row in trainer.train_dataset}
    assert set(prepared) == {made.record for made in MIXED}
    for id, row in prepared.items():
        prompt = tokenizer.decode(row["prompt_ids"])
        assert ("river_level" in prompt) == (id != "plain")
        assert ("functions" in prompt) == (id in ("both", "goes on", "tools alone"))
        assert "Three metres, I hear." in tokenizer.decode(row["chosen_ids"])
        assert "Three." in tokenizer.decode(row["rejected_ids"])


def test_an_empty_list_of_tools_is_not_none() -> None:
    """Why a row without tools holds null: Llama 3.1 writes its instructions about functions for an empty list."""
    tokenizer = tiny_tokenizer(trl_template("llama3_1"))
    turns = [{"role": "user", "content": "And now?"}]
    assert "functions" not in tokenizer.apply_chat_template(turns, tools=None, tokenize=False)
    assert "functions" in tokenizer.apply_chat_template(turns, tools=[], tokenize=False)


def test_a_struct_would_break_templates() -> None:
    """Why turns are JSON objects: a struct column gives each turn the keys of all, with nulls."""
    import datasets

    rows = [row["prompt"] for row in rows_of(preference, *MIXED)]
    told = datasets.Dataset.from_dict({"prompt": rows[:1]}, on_mixed_types=None)
    turns = told[0]["prompt"]
    assert turns[0]["tool_calls"] is None
    with pytest.raises(TypeError, match="NoneType"):
        tiny_tokenizer(trl_template("llama3_1")).apply_chat_template(turns, tokenize=False)
