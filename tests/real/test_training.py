"""Pairs from the real engine go through real training steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from constitution import Constitution
from constitution.cli.demo import ROLES, SYSTEM, _shipped
from tests.real_engine import EngineHost

pytestmark = [pytest.mark.engine, pytest.mark.train]


@pytest.mark.timeout(1500)
def test_demo_pairs_train_with_dpo(engine_host: EngineHost, small_model: Path, tmp_path: Path) -> None:
    """The demo's data, exported, loaded from its file, through two steps of TRL's DPOTrainer with the small model."""
    import torch
    from datasets import load_dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    run = Constitution.load("verifiable").generate(
        _shipped(), tmp_path / "run", model=engine_host.engine, rounds=1, limit=8, system=SYSTEM, roles=ROLES
    )
    exported = run.export(tmp_path / "data", "preference")
    assert exported.rows >= 2
    rows = load_dataset(str(exported.path), split="train", cache_dir=str(tmp_path / "cache"))
    arguments = DPOConfig(
        output_dir=str(tmp_path / "trained"), max_steps=2, per_device_train_batch_size=2, max_length=384,
        report_to=[], logging_steps=1, save_strategy="no", use_cpu=True, bf16=False, fp16=False,
    )  # fmt: skip
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(small_model, dtype=torch.float32),
        args=arguments,
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(small_model),
        peft_config=LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"),
    )
    trained = trainer.train()
    assert trained.global_step == 2
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(losses) == 2
    assert abs(losses[0] - 0.6931) < 0.01
