"""vLLM in this process: token prompts in, completions out, batched continuously by the engine itself.

One `VLLMEngine` is one running model. It lives on the event loop that called `start`: ask and close it there. It starts
processes of its own, which Ctrl-C does not reach and which do not outlive this one (`process`).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import inspect
import itertools
import logging
import math
import os
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from constitution.engine import Capabilities, Completion, FinishReason, Request
from constitution.engines.hub import hub_mend
from constitution.engines.vllm import process, settings
from constitution.errors import ConstitutionError, EngineDeadError, EngineStartError, RequestRefused, SettingsError
from constitution.messages import Conversation
from constitution.tokens import PromptIds, Transcripts, split_thoughts

logger = logging.getLogger("constitution.engine")

COUNT_STARTS = "CONSTITUTION_COUNT_STARTS"
"""Names a file to which every start appends a line, so that a test suite can count them."""


class VLLMEngine:
    """Serves one model with vLLM's AsyncLLM."""

    def __init__(self, model: str, *, revision: str | None = None, date: str | None = None, **engine_args: Any) -> None:
        """Describe an engine; nothing is loaded before `start`.

        Args:
            model: a local folder or a name on the hub.
            revision: commit, tag or branch of a hub name.
            date: ISO date that chat templates with a clock show; today if not given.
            engine_args: options of vLLM (`tensor_parallel_size`, `max_model_len` ...), handed over as they are.
        """
        self.breaks: dict[str, int] = Counter()
        """How many prompts did not go on from the ids before them, by reason (`tokens.BREAK_REASONS`)."""
        self.unseen = 0
        """How many prompts hold tools, calls or results that the model's chat template does not show."""
        self._model, self._revision, self._options = model, revision, engine_args
        self._date = date or datetime.now(UTC).date().isoformat()
        self._verbose = logger.isEnabledFor(logging.DEBUG)
        self._numbers = itertools.count()
        self._loras: dict[str, int] = {}
        self._labels: dict[str, int] = {}
        self._llm: Any = None
        self._watchdog: process.Watchdog | None = None
        self._log: Path | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._transcripts: Transcripts | None = None
        self._capabilities: Capabilities | None = None

    async def start(self, labels: tuple[str, ...] = ()) -> Capabilities:
        """Load the model; 15 to 60 seconds for a small one on a CPU.

        Raises:
            EngineStartError: vLLM is missing or did not start, with the mend.
            SettingsError: an option, the chat template or a label cannot serve.
        """
        if self._capabilities is not None and self._llm is not None:
            self._labels |= zip(labels, self._spliced().label_ids(labels), strict=True)
            return self._capabilities
        process.refuse_in_child()
        if importlib.util.find_spec("vllm") is None:
            raise EngineStartError(
                "vLLM is not installed: python -m pip install 'constitution-rlaif[vllm]' on a machine with a GPU, "
                "'constitution-rlaif[cpu]' without one."
            )
        self._loop = asyncio.get_running_loop()
        starting = self._loop.run_in_executor(None, self._start)
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            if self._watchdog is not None:
                self._watchdog.kill()
            with contextlib.suppress(ConstitutionError):
                await starting
            self._shut_down()
            raise
        self._labels |= zip(labels, self._spliced().label_ids(labels), strict=True)
        assert self._capabilities is not None
        return self._capabilities

    async def answer(self, request: Request) -> Completion:
        """Answer one request; cancelling it frees its place in the engine.

        Raises:
            RequestRefused: this request alone cannot be answered.
            EngineDeadError: the engine is gone, or was closed.
        """
        llm, transcripts = self._running(), self._spliced()
        prompt = transcripts.prompt_ids(request)
        self._check_room(len(prompt.ids), request)
        self._note(request, prompt)
        final = await self._final_output(llm, request, list(prompt.ids))
        return self._completion(request, final)

    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:
        """Prompt tokens of `messages`, the opening of the answer included: exact."""
        return self._spliced().count(messages, tools), True

    async def close(self) -> None:
        """Stop the engine's processes, in about four seconds. Idempotent."""
        llm = self._llm
        if llm is not None:
            with process.unheard(self._verbose):
                try:
                    await asyncio.get_running_loop().run_in_executor(None, self._shut_down)
                except RuntimeError:  # the interpreter is ending and takes no work for threads any more
                    self._shut_down()
                    return
                await asyncio.sleep(0)  # vLLM closes its sockets on this loop
            _forget_sockets(llm)

    def _note(self, request: Request, prompt: PromptIds) -> None:
        """Count what is particular about a prompt; what the model does not see is also told, once."""
        if prompt.break_reason is not None:
            self.breaks[prompt.break_reason] += 1
        if prompt.unseen:
            if not self.unseen:
                logger.warning(
                    "the chat template of '%s' does not show all tools, calls and results of record '%s': the model "
                    "answers without having seen them, here and in others like it; take a model made for tools",
                    self._model,
                    request.record,
                )
            self.unseen += 1

    def _running(self) -> Any:
        if self._llm is None:
            raise EngineDeadError("the engine was closed, or never started; call `start` first.")
        if asyncio.get_running_loop() is not self._loop:
            raise SettingsError("the engine lives on the event loop that called `start`; ask it there.")
        return self._llm

    def _spliced(self) -> Transcripts:
        if self._transcripts is None:
            raise EngineDeadError("the engine was never started; call `start` first.")
        return self._transcripts

    def _start(self) -> None:
        """Start vLLM; runs in a thread, so that the event loop stays awake."""
        count_start()
        if not self._verbose:
            logging.getLogger("vllm").setLevel(logging.ERROR)
        self._log = None if self._verbose else process.new_log()
        local = Path(self._model).is_dir()
        with process.environment(settings.start_environment(local=local, verbose=self._verbose)):
            try:
                self._load()
            except ConstitutionError:
                self._shut_down()
                raise
            except Exception as error:
                story = self._why_not(error)
                self._shut_down()
                raise EngineStartError(story) from error

    def _load(self) -> None:
        cpu = settings.on_cpu()
        with process.environment(settings.cpu_environment() if cpu else {}):
            from vllm.usage.usage_lib import UsageContext
            from vllm.v1.engine.async_llm import AsyncLLM

            arguments = settings.engine_arguments(self._model, self._revision, self._options, cpu=cpu)
            # The default context knows no hardware and falls back to 128 sequences and 2,048 tokens.
            config = arguments.create_engine_config(UsageContext.LLM_CLASS)
            self._transcripts = self._new_transcripts(config.model_config)
            self._watchdog = process.Watchdog(self._log)
            with process.output_to(self._log), process.deaf_to_interrupts():
                self._llm = AsyncLLM.from_vllm_config(
                    config, usage_context=UsageContext.LLM_CLASS, disable_log_stats=arguments.disable_log_stats
                )
            self._watchdog.ready()
        tell_form(self._transcripts, self._model)
        self._capabilities = settings.capabilities(
            self._llm.vllm_config,
            self._model,
            self._revision,
            cpu=cpu,
            date=self._date,
            transcripts=self._transcripts,
        )

    def _new_transcripts(self, config: Any) -> Transcripts:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(
            config.tokenizer, revision=self._revision, trust_remote_code=config.trust_remote_code
        )
        ends = (config.try_get_generation_config() or {}).get("eos_token_id") or ()
        ends = {ends} if isinstance(ends, int) else set(ends)
        if tokenizer.eos_token_id is not None:
            ends.add(tokenizer.eos_token_id)
        return Transcripts(tokenizer, date=self._date, stop_ids=ends)

    def _why_not(self, error: Exception) -> str:
        """What a person can do about a start that failed; the engine's own words where it left some."""
        cause = self._last_words()
        first = (str(error).strip().splitlines() or [""])[0]
        story = f"vLLM did not start with '{self._model}': {type(error).__name__}: {first}"
        if cause and cause not in story:
            story += f" | {cause}"
        story += hub_mend(error, self._model)
        return story + " | `constitution doctor` looks for known faults; `--verbose` shows all that vLLM says."

    def _last_words(self) -> str:
        """The last error in the engine's log, if it left one."""
        if self._log is None or not self._log.exists():
            return ""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line.strip()[-500:] for line in reversed(lines) if "Error" in line), "")

    def _shut_down(self) -> None:
        llm, self._llm = self._llm, None
        if llm is not None:
            with contextlib.suppress(Exception):  # a dead engine may fail on its way out; the watchdog cleans up
                llm.shutdown()
        watchdog, self._watchdog = self._watchdog, None
        if watchdog is not None:
            watchdog.kill()
        log, self._log = self._log, None
        if log is not None:
            log.unlink(missing_ok=True)

    def _check_room(self, prompt: int, request: Request) -> None:
        """VLLM would shorten the answer without a word."""
        assert self._capabilities is not None
        room = self._capabilities.max_context
        if prompt + request.sampling.max_tokens > room:
            raise RequestRefused(
                f"the prompt has {prompt} tokens and the answer may have {request.sampling.max_tokens}, but the "
                f"model's context holds {room}: shorten the text, ask for fewer tokens, or raise max_model_len."
            )

    async def _final_output(self, llm: Any, request: Request, ids: list[int]) -> Any:
        from vllm.v1.engine.exceptions import EngineDeadError as Dead

        final = None
        try:
            async for output in llm.generate(
                _tokens_prompt(ids),
                self._sampling(request),
                f"{request.key}-{next(self._numbers)}",
                priority=request.priority,
                lora_request=self._lora(request.lora),
            ):
                final = output
        except Dead as error:
            raise EngineDeadError(
                f"vLLM's engine died while it worked on '{request.key}' and others. {self._last_words()}".rstrip()
            ) from error
        except Exception as error:
            # vLLM has no common root for what one request can do wrong, and it changes between versions.
            if self._llm is None or llm.errored:
                raise EngineDeadError("vLLM's engine is gone.") from error
            raise RequestRefused(
                f"vLLM refused the request '{request.key}': {type(error).__name__}: {error}"
            ) from error
        if final is None or not final.outputs or final.outputs[0].finish_reason in (None, "abort"):
            raise EngineDeadError(f"vLLM aborted the request '{request.key}'; it was closed or is going down.")
        return final

    def _sampling(self, request: Request) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        asked = request.sampling
        options: dict[str, Any] = {}
        if request.labels:
            options["logprob_token_ids"] = [self._label(label) for label in request.labels]
        if asked.json_schema is not None:
            options["structured_outputs"] = StructuredOutputsParams(json=asked.json_schema)
        if isinstance(asked.thinking, int):
            options["thinking_token_budget"] = asked.thinking
        known = inspect.signature(SamplingParams).parameters
        if missing := [name for name in options if name not in known]:
            raise RequestRefused(f"vLLM {settings.version()} has no '{missing[0]}'; a newer one is needed.")
        return SamplingParams(
            max_tokens=asked.max_tokens,
            temperature=asked.temperature,
            top_p=asked.top_p,
            top_k=asked.top_k,
            min_p=asked.min_p,
            seed=asked.seed,
            stop=[*asked.stop, *self._spliced().stops],
            output_kind=RequestOutputKind.FINAL_ONLY,
            skip_special_tokens=not self._spliced().has_channels,
            **options,
        )

    def _label(self, label: str) -> int:
        if label not in self._labels:
            try:
                self._labels[label] = self._spliced().label_ids((label,))[0]
            except SettingsError as error:
                raise RequestRefused(str(error)) from error
        return self._labels[label]

    def _lora(self, path: str | None) -> Any:
        if path is None:
            return None
        from vllm.lora.request import LoRARequest

        number = self._loras.setdefault(path, len(self._loras) + 1)
        return LoRARequest(lora_name=path, lora_int_id=number, lora_path=path)

    def _completion(self, request: Request, final: Any) -> Completion:
        output = final.outputs[0]
        if output.finish_reason not in ("stop", "length"):
            raise RequestRefused(
                f"vLLM gave up on the request '{request.key}': it ended with '{output.finish_reason}'."
            )
        finish: FinishReason = output.finish_reason
        reasoning, text = split_thoughts(output.text, opened=self._spliced().opens_thoughts(request))
        return Completion(
            text=self._spliced().answer_text(text),
            token_ids=tuple(output.token_ids),
            finish_reason=finish,
            logprobs=self._label_logprobs(request, output) if request.labels else None,
            reasoning=reasoning,
            prompt_tokens=len(final.prompt_token_ids or ()),
            cached_tokens=final.num_cached_tokens or 0,
        )

    def _label_logprobs(self, request: Request, output: Any) -> tuple[float | None, ...]:
        """By id: beside the labels stands whatever was sampled."""
        first = output.logprobs[0] if output.logprobs else {}
        found = [first.get(self._label(label)) for label in request.labels]
        return tuple(
            None if entry is None or not math.isfinite(entry.logprob) else float(entry.logprob) for entry in found
        )


def _tokens_prompt(ids: list[int]) -> Any:
    """A prompt of token ids, in the form that needs no work by the engine where this version has one."""
    import vllm.inputs

    rendered = getattr(vllm.inputs, "tokens_input", None)
    return vllm.inputs.TokensPrompt(prompt_token_ids=ids) if rendered is None else rendered(ids)


def _forget_sockets(llm: Any) -> None:
    """End the messaging context that vLLM leaves to the garbage collector, which warns about it."""
    context = getattr(getattr(getattr(llm, "engine_core", None), "resources", None), "ctx", None)
    if context is not None:
        # In a thread that nobody waits for long: it hangs where a socket is still open.
        ending = threading.Thread(target=context.destroy, kwargs={"linger": 0}, daemon=True)
        ending.start()
        ending.join(2)


def tell_form(transcripts: Transcripts, model: str) -> None:
    """Say once what is particular about the prompts of a model."""
    if transcripts.plain:
        logger.warning(
            "'%s' has no chat template, so it is asked as a base model: plain Human: and Assistant: transcripts", model
        )
    if transcripts.whole_because is not None:
        logger.warning(
            "texts are rendered whole and prompts share less of the prefix cache: %s", transcripts.whole_because
        )


def count_start() -> None:
    """Append a line to the file that `CONSTITUTION_COUNT_STARTS` names, if it names one."""
    if name := os.environ.get(COUNT_STARTS):
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {time.time():.3f}\n")
