"""SFT and DPO with LoRA by TRL, on a GPU or on two cores; out comes a whole model in a folder, which vLLM serves."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from constitution.errors import SettingsError
from constitution.store.disk import write_atomically

DONE = "training.json"
"""Is written last: a folder that has it is complete."""
BATCH = 8
"""Rows of a step."""
BETA = 0.1
"""Of DPO."""

Say: TypeAlias = Callable[[str], None]
"""Is told what begins."""


@dataclass(frozen=True, slots=True)
class Steps:
    """How a model is trained."""

    steps: int = 30
    """Of BATCH rows each."""
    rate: float = 5e-4
    """Learning rate. This one is for a LoRA adapter of a very small model and few steps."""
    seed: int = 0
    loss: tuple[str, ...] = ("sigmoid", "sft")
    """Of DPO: its terms, each with weight 1."""


def let_threads_sleep() -> None:
    """Call this before torch is loaded: threads that spin while they wait take twice the time on busy cores."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def dpo(weights: str, pairs: Any, out: Path, steps: Steps, say: Say = print) -> Path:
    """Train on pairs (rows of `preference`); an SFT term keeps the answers on their subject."""
    from trl import DPOConfig, DPOTrainer

    arguments = {"beta": BETA, "loss_type": [*steps.loss], "loss_weights": [1.0] * len(steps.loss)}
    return _trained("dpo", (DPOTrainer, DPOConfig), arguments, weights, pairs, out, steps, say)


def sft(weights: str, rows: Any, out: Path, steps: Steps, say: Say = print) -> Path:
    """Train on answers (rows of `sft`); what was asked is not learned."""
    from trl import SFTConfig, SFTTrainer

    split = rows.map(
        lambda row: {"prompt": row["messages"][:-1], "completion": row["messages"][-1:]},
        remove_columns=rows.column_names,
    )
    return _trained("sft", (SFTTrainer, SFTConfig), {"completion_only_loss": True}, weights, split, out, steps, say)


def _trained(
    kind: str,
    classes: tuple[Any, Any],
    own: Mapping[str, Any],
    weights: str,
    rows: Any,
    out: Path,
    steps: Steps,
    say: Say,
) -> Path:
    """The folder of the trained model; one that is complete is taken as it is.

    Raises:
        SettingsError: the folder holds a model that was trained in another way.
    """
    settings = {"kind": kind, "weights": weights, "rows": len(rows), "digest": _digest(rows), **asdict(steps), **own}
    settings = json.loads(json.dumps(settings))
    if (out / DONE).exists():
        if json.loads((out / DONE).read_text())["settings"] == settings:
            say(f"{out}: trained already")
            return out
        raise SettingsError(f"{out}: holds a model that was trained in another way; name another folder")
    say(f"{kind}: {steps.steps} steps of {BATCH} of {len(rows)} rows")
    shutil.rmtree(out, ignore_errors=True)  # what a killed training left
    log = _train(classes, own, weights, rows, out, steps)
    write_atomically(out / DONE, json.dumps({"settings": settings, "log": log}, indent=2).encode() + b"\n")
    return out


def _train(
    classes: tuple[Any, Any], own: Mapping[str, Any], weights: str, rows: Any, out: Path, steps: Steps
) -> list[dict[str, float]]:
    import torch
    from peft import LoraConfig
    from transformers import AutoTokenizer

    gpu = torch.cuda.is_available()
    each = 2 if gpu else 4
    trainer = classes[0](
        model=weights,
        args=classes[1](
            output_dir=str(out / "trainer"), max_steps=steps.steps, learning_rate=steps.rate, seed=steps.seed,
            per_device_train_batch_size=each, gradient_accumulation_steps=BATCH // each,
            max_length=2048 if gpu else 512,
            lr_scheduler_type="cosine", warmup_steps=0.1, logging_steps=1, save_strategy="no", report_to="none",
            use_cpu=not gpu, bf16=gpu, fp16=False, gradient_checkpointing=gpu,
            model_init_kwargs={"dtype": "bfloat16" if gpu else "float32"}, **own,
        ),
        train_dataset=rows,
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
    )  # fmt: skip
    trainer.train()
    trainer.model.merge_and_unload().to(torch.bfloat16).save_pretrained(out)
    AutoTokenizer.from_pretrained(weights).save_pretrained(out)
    shutil.rmtree(out / "trainer", ignore_errors=True)
    return [entry for entry in trainer.state.log_history if "loss" in entry]


def _digest(rows: Any) -> str:
    found = sha256()
    for row in rows:
        found.update(json.dumps(row, sort_keys=True, default=str).encode())
    return found.hexdigest()


def chosen_log_probability(folder: Path) -> tuple[float, float]:
    """Mean log-probability of whole chosen answers in the first and in the last fifth of a DPO training's steps.

    Of the batches of these steps, which are not the same ones: look for a fall, not for a figure.
    """
    log = json.loads((folder / DONE).read_text())["log"]
    found = [entry["logps/chosen"] for entry in log]
    fifth = max(1, len(found) // 5)
    return sum(found[:fifth]) / fifth, sum(found[-fifth:]) / fifth
