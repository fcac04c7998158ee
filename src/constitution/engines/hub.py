"""What a person can do when the hub does not give a model or a tokenizer."""

from __future__ import annotations


def hub_mend(error: BaseException, name: str) -> str:
    """A sentence to append to the story of a failed load; empty where the hub did not refuse anything.

    Args:
        error: what was raised; transformers puts its own errors before those of the hub's client.
        name: what was to be loaded.
    """
    cause: BaseException | None = error
    while cause is not None:
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status in (401, 403):
            return (
                f" | The hub answered {status}: '{name}' does not exist, is private, or asks for its terms to be "
                f"accepted. Accept them at https://huggingface.co/{name}, and put a token that may read it into the "
                "environment variable HF_TOKEN."
            )
        cause = cause.__cause__ or cause.__context__
    return ""
