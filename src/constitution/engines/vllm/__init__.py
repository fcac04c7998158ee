"""vLLM in this process."""

from constitution.engines.vllm.engine import VLLMEngine

__all__ = ["VLLMEngine"]
