"""What vLLM is started with: the user's options first, ours where the user said nothing.

On a CPU vLLM's own defaults run at a fifth of the speed, and one of them can kill the engine; docs/engines.md has the
table. Also what the running engine is: its capabilities and fingerprint.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from constitution.engine import Capabilities
from constitution.errors import SettingsError
from constitution.tokens import Transcripts

CPU_SEQUENCES = 128
"""32 gave 600 tokens a second, 64 gave 980, 128 gave 1,050 to 1,250, 256 no more than that (SmolLM2-135M, 2 cores)."""
CPU_CONTEXT = 4096
"""A prompt is worked on in one piece there, so that the longest one decides how much memory a start takes."""
CPU_BLOCK = 32
"""Prompts shorter than one block never meet the prefix cache; vLLM's own choice there is 128."""

_GIB = 1 << 30
_SAMPLE = 4096
_SAMPLES = 16


def on_cpu() -> bool:
    """Whether this vLLM was built for CPUs."""
    from vllm.platforms import current_platform

    return bool(current_platform.is_cpu())


def start_environment(*, local: bool, verbose: bool) -> dict[str, str]:
    """Environment variables for the time of the start; those that the user has set stay."""
    settings = {"VLLM_WORKER_MULTIPROC_METHOD": "spawn", "VLLM_NO_USAGE_STATS": "1", "TOKENIZERS_PARALLELISM": "false"}
    if not verbose:
        settings |= {"VLLM_LOGGING_LEVEL": "ERROR", "TQDM_DISABLE": "1"}
    if local:
        settings["HF_HUB_OFFLINE"] = "1"
    return settings


def cpu_environment() -> dict[str, str]:
    """The part of the environment that only a CPU needs."""
    return {
        "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
        "VLLM_CPU_KVCACHE_SPACE": str(_kv_space()),
        # Threads that spin while they wait for one another run at a tenth of the speed as soon as anything else works
        # on the same cores.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def _kv_space() -> int:
    """GiB for the KV cache: a quarter of what is free, at least 1, at most 8."""
    import psutil

    return int(min(8, max(1, psutil.virtual_memory().available // (4 * _GIB))))


def engine_arguments(model: str, revision: str | None, options: Mapping[str, Any], *, cpu: bool) -> Any:
    """VLLM's engine arguments.

    Raises:
        SettingsError: this version of vLLM does not know an option, or what is asked cannot work on a CPU.
    """
    from vllm.engine.arg_utils import AsyncEngineArgs

    known = {field.name for field in dataclasses.fields(AsyncEngineArgs)}
    for name in options:
        if name not in known or name in ("model", "revision"):
            near = difflib.get_close_matches(name, known, 1)
            raise SettingsError(
                f"vLLM {version()} does not know the engine option '{name}'"
                + (f"; did you mean '{near[0]}'?" if near else "; see its EngineArgs for the names.")
            )
    ours: dict[str, Any] = {"model": model, "revision": revision, "tokenizer_revision": revision}
    ours |= {"scheduling_policy": "priority", "disable_log_stats": True, "trust_remote_code": False}
    ours |= options
    if cpu:
        ours = _for_cpu(AsyncEngineArgs, ours)
    return AsyncEngineArgs(**ours)


def _for_cpu(arguments: Any, given: dict[str, Any]) -> dict[str, Any]:
    ours = {
        "enforce_eager": True,
        "block_size": CPU_BLOCK,
        "max_num_seqs": CPU_SEQUENCES,
        # A seeded request whose prompt is worked on in chunks kills the engine there.
        "enable_chunked_prefill": False,
    } | given
    if not _fast_bfloat16():
        ours.setdefault("dtype", "float32")
    if "max_model_len" not in given:
        ours["max_model_len"] = min(CPU_CONTEXT, int(arguments(**ours).create_model_config().max_model_len))
    if not isinstance(ours["max_model_len"], int):
        raise SettingsError(
            f"max_model_len is {ours['max_model_len']!r}; on a CPU give it as a whole number of tokens."
        )
    ours.setdefault("max_num_batched_tokens", max(4096, ours["max_model_len"]))
    return ours


def _fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 itself; an x86 CPU that does not is four times as fast with float32."""
    import platform

    import torch

    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(probe()) for name in probes if (probe := getattr(torch.cpu, name, None)) is not None)


def default_share() -> float:
    """The share of a GPU's memory that vLLM claims unless it is told otherwise."""
    from vllm.engine.arg_utils import AsyncEngineArgs

    fields = {field.name: field for field in dataclasses.fields(AsyncEngineArgs)}
    default: Any = fields["gpu_memory_utilization"].default
    return float(default)


def version() -> str:
    """VLLM's version."""
    import vllm

    return str(vllm.__version__)


def capabilities(
    config: Any, model: str, revision: str | None, *, cpu: bool, date: str, transcripts: Transcripts
) -> Capabilities:
    """What a started engine can do, from its own configuration and the model's chat template."""
    dtype = str(config.model_config.dtype).removeprefix("torch.")
    quantized, whole = config.model_config.quantization, transcripts.whole_because
    reasoning = getattr(config, "reasoning_config", None)
    budget = () if reasoning is not None and getattr(reasoning, "enabled", True) else ("thinking_budget",)
    cache, scheduler = config.cache_config, config.scheduler_config
    invariant = os.environ.get("VLLM_BATCH_INVARIANT") == "1"
    seen: dict[str, object] = {
        "engine": "vllm",
        "vllm": version(),
        "device": config.device_config.device_type,
        "dtype": dtype,
        "tensor_parallel_size": config.parallel_config.tensor_parallel_size,
        "block_size": cache.block_size,
        "max_num_seqs": scheduler.max_num_seqs,
        "max_num_batched_tokens": scheduler.max_num_batched_tokens,
        "batch_invariant": invariant,
        "template_date": date,
        "prompts": "plain Human: and Assistant: transcripts" if transcripts.plain else "chat template",
        "texts": "spliced" if whole is None else f"rendered whole: {whole}",
    }
    blocks = cache.num_gpu_blocks
    return Capabilities(
        model=model_fingerprint(model, revision, config.model_config, f"{dtype},{quantized}" if quantized else dtype),
        max_context=int(config.model_config.max_model_len),
        max_in_flight=int(scheduler.max_num_seqs),
        kv_tokens=int(blocks) * int(cache.block_size) if blocks else None,
        logprobs=True,
        json_schema=True,
        lacks=tuple(sorted({*transcripts.lacks, *budget})),
        same_text_again=dtype == "float32" if cpu else invariant,
        fingerprint=tuple((name, str(value)) for name, value in seen.items()),
        token_prompts=True,
        cached_counts=True,
    )


def model_fingerprint(model: str, revision: str | None, config: Any, dtype: str) -> str:
    """Name and content of the weights: a hub name with its commit, a folder's last part with its digest."""
    folder = Path(model)
    if folder.is_dir():
        return f"{folder.resolve().name}@{_folder_digest(folder)}:{dtype}"
    commit = getattr(getattr(config, "hf_config", None), "_commit_hash", None)
    return f"{model}@{commit or revision or 'main'}:{dtype}"


def _folder_digest(folder: Path) -> str:
    """Digest of configuration, tokenizer and weights; of each weight file its size and sixteen samples."""
    hashed = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".jinja", ".model") and path.name != "source.json":
            hashed.update(json.dumps([path.name, hashlib.sha256(path.read_bytes()).hexdigest()]).encode())
        elif path.suffix in (".safetensors", ".bin", ".gguf"):
            size = path.stat().st_size
            hashed.update(json.dumps([path.name, size]).encode())
            with path.open("rb") as file:
                for number in range(_SAMPLES):
                    file.seek(max(0, size - _SAMPLE) * number // (_SAMPLES - 1))
                    hashed.update(file.read(_SAMPLE))
    return hashed.hexdigest()[:16]
