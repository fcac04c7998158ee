"""Whether several models in this process fit their one device, before any of them is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from constitution.engines.models import Named
from constitution.errors import SettingsError

SHARE = "gpu_memory_utilization"
_GIB = 1 << 30
_PROCESS = 1 * _GIB
"""About what a vLLM process takes on a CPU besides weights and cache."""
_LEAST_CACHE = 1 * _GIB
_WAYS_OUT = "put one of them on a server (roles.ROLE.model: URL#NAME), take one model for all roles"


def refuse_crowded(new: Sequence[Named], running: Sequence[Named] = ()) -> None:
    """Refuse different in-process models that do not fit one device together.

    On a GPU each vLLM claims a share of the whole memory when it starts (`gpu_memory_utilization`); on a CPU each needs
    its weights, at least 1 GiB of KV cache and about 1 GiB for itself.

    Args:
        new: engines that are to be started.
        running: engines that were started by this process and not closed.

    Raises:
        SettingsError: with the arithmetic and the ways out.
    """
    in_process = [named for named in (*running, *new) if named.in_process]
    if len(in_process) < 2 or not any(named.in_process for named in new):
        return
    from constitution.engines.vllm.settings import default_share, on_cpu

    if on_cpu():
        _refuse_on_cpu([named for named in new if named.in_process])
    else:
        refuse_shares([(named.model, share_of(named.options, default_share())) for named in in_process])


def share_of(options: Mapping[str, Any], default: float) -> float:
    """The share of a GPU that an engine claims; 0 where its cache is given in bytes, which says nothing of weights."""
    if options.get("kv_cache_memory_bytes") is not None:
        return 0.0
    share = options.get(SHARE, default)
    return float(share) if isinstance(share, int | float) else default


def refuse_shares(shares: Sequence[tuple[str, float]]) -> None:
    """Refuse models whose shares of one GPU add up to more than all of it.

    Raises:
        SettingsError: they do.
    """
    total = sum(share for _, share in shares)
    if total <= 1:
        return
    listed = " + ".join(f"{share:.2f} ({model})" for model, share in shares)
    fitting = int(100 * 0.95 / len(shares)) / 100
    raise SettingsError(
        f"{len(shares)} models on one GPU: {listed} = {total:.2f} of its memory. {_WAYS_OUT}, or give each a smaller "
        f"share that holds its weights: engine.{SHARE} and roles.ROLE.engine.{SHARE}, {fitting} each for example. "
        "Engines of earlier calls stay until constitution.close()."
    )


def _refuse_on_cpu(new: Sequence[Named]) -> None:
    import psutil

    free = int(psutil.virtual_memory().available)
    needs = [(named.model, _weights(named) + _LEAST_CACHE + _PROCESS) for named in new]
    total = sum(need for _, need in needs)
    if total <= free:
        return
    listed = " + ".join(f"{need / _GIB:.1f} ({model})" for model, need in needs)
    raise SettingsError(
        f"{len(needs)} models on one machine without a GPU need at least {listed} = {total / _GIB:.1f} GiB: weights, "
        f"1 GiB of cache and 1 GiB of process each; {free / _GIB:.1f} GiB are free. {_WAYS_OUT}, or close other "
        "programs."
    )


def _weights(named: Named) -> int:
    """Bytes of the weights of a local folder, twice that in float32; 0 where they are not known yet."""
    folder = Path(named.name).expanduser()
    if not folder.is_dir():
        return 0
    size = sum(path.stat().st_size for path in folder.iterdir() if path.suffix in (".safetensors", ".bin"))
    return 2 * size if named.options.get("dtype") in ("float32", "float") else size
