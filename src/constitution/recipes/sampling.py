"""How roles sample where the user says nothing, and sampling as settings."""

from __future__ import annotations

from constitution.engine import Sampling

DRAFT_SAMPLING = Sampling(max_tokens=512, temperature=1.0)


def sampling_settings(sampling: Sampling) -> dict[str, object]:
    """Sampling as JSON values, without the seed."""
    return {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "stop": list(sampling.stop),
        "thinking": sampling.thinking,
        "chat_template_kwargs": sampling.chat_template_kwargs,
    }
