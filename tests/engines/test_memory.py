"""Several models in one process: counted before any of them is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from constitution.engines import memory
from constitution.engines.memory import refuse_crowded, refuse_shares, share_of
from constitution.engines.models import Named
from constitution.engines.vllm import settings as vllm_settings
from constitution.errors import SettingsError

GIB = 1 << 30


def model(folder: Path, name: str, gib: float) -> str:
    """A folder whose weights seem to have a size."""
    (folder / name).mkdir()
    with (folder / name / "model.safetensors").open("wb") as file:
        file.truncate(int(gib * GIB))
    return str(folder / name)


def test_shares_of_a_gpu_add_up() -> None:
    """Two engines with vLLM's own share do not fit; the message has the sum and the ways out."""
    with pytest.raises(SettingsError) as caught:
        refuse_shares([("small", 0.92), ("large", 0.92)])
    words = str(caught.value)
    assert "0.92 (small) + 0.92 (large) = 1.84" in words
    assert "URL#NAME" in words
    assert "roles.ROLE.engine.gpu_memory_utilization, 0.47 each" in words
    refuse_shares([("small", 0.3), ("large", 0.7)])


def test_a_share_is_vllms_own_or_the_users() -> None:
    """A cache in bytes claims no share."""
    assert share_of({}, 0.92) == 0.92
    assert share_of({"gpu_memory_utilization": 0.4}, 0.92) == 0.4
    assert share_of({"kv_cache_memory_bytes": 1}, 0.92) == 0


@pytest.mark.parametrize(("sizes", "fits"), [((1.0, 2.0), True), ((1.0, 2.1), False)])
def test_memory_of_a_cpu_adds_up(
    sizes: tuple[float, float], fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, and two GiB for cache and process of each, against what is free."""
    import psutil

    monkeypatch.setattr(vllm_settings, "on_cpu", lambda: True)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Free", (), {"available": 7 * GIB}))
    named = [Named(model(tmp_path, str(number), size)) for number, size in enumerate(sizes)]
    if fits:
        refuse_crowded(named)
    else:
        with pytest.raises(SettingsError, match=r"3\.0 \(.*0\) \+ 4\.1 \(.*1\) = 7\.1 GiB: .* 7\.0 GiB are free"):
            refuse_crowded(named)


def test_running_engines_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU an engine of an earlier call still holds its share."""
    monkeypatch.setattr(vllm_settings, "on_cpu", lambda: False)
    monkeypatch.setattr(vllm_settings, "default_share", lambda: 0.9)
    refuse_crowded([Named("a")])
    with pytest.raises(SettingsError, match=r"0\.90 \(b\) \+ 0\.90 \(a\) = 1\.80 .*constitution\.close\(\)"):
        refuse_crowded([Named("a")], [Named("b")])


def test_one_alone_is_never_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """One model in this process, beside servers and scripts, asks for no look at the device, which loads vLLM."""
    monkeypatch.setattr(memory, "_refuse_on_cpu", None)
    monkeypatch.setattr(vllm_settings, "on_cpu", None)
    refuse_crowded([Named("a"), Named("scripted:b"), Named("http://localhost:8000#c")])
    refuse_crowded([Named("scripted:b")], [Named("a"), Named("c")])
