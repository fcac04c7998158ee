"""The HTTP engine: any OpenAI-compatible server."""

from constitution.engines.openai.engine import OpenAIEngine

__all__ = ["OpenAIEngine"]
