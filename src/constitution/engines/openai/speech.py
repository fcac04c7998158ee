"""The tokenizer on this side of a server: loaded, named, and held against what the server says."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from constitution.engines.hub import hub_mend
from constitution.errors import EngineStartError, SettingsError
from constitution.tokens import Transcripts

_log = logging.getLogger("constitution")
_FILES = ("tokenizer", "special_tokens", "added_tokens", "vocab", "merges", "chat_template", "spiece")
_BROKEN = "\ufffd"


@dataclass(frozen=True)
class Speech:
    """A tokenizer and the transcripts that it makes."""

    name: str
    """Hub name and commit, or a folder's last part and the digest of its files."""
    tokenizer: Any
    transcripts: Transcripts

    @property
    def form(self) -> str:
        """What its prompts are."""
        return "plain Human: and Assistant: transcripts" if self.transcripts.plain else "chat template"

    @property
    def tokens(self) -> Iterator[str]:
        """Texts of the tokens that text must never become."""
        for token in self.tokenizer.added_tokens_decoder.values():
            if token.special or not token.content.isspace():
                yield token.content

    def refuse_other_words(self, ids: list[int], text: str) -> None:
        """Refuse a tokenizer that reads the ids of an answer as another text than the server did.

        Raises:
            SettingsError: it is not the model's.
        """
        read = str(self.tokenizer.decode(ids, skip_special_tokens=True))
        if _BROKEN in read + text or read.strip() == text.strip():
            return
        raise SettingsError(
            f"engine.tokenizer: '{self.name}' is not the tokenizer of the model that the server serves: it reads the "
            f"ids {ids} as {read!r}, the server as {text!r}"
        )


def load_speech(name: str, date: str) -> Speech:
    """Load a tokenizer: a local folder, a hub name, or `demo` for the small model's.

    Raises:
        EngineStartError: it cannot be had, with the mend.
        SettingsError: it cannot serve.
    """
    if name == "demo":
        from constitution.engines.small_model import prepare_small_model

        name = str(prepare_small_model(log=_log.info))
    folder = Path(name).expanduser()
    if folder.is_dir():
        name = str(folder)
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        ends = _ends(name, tokenizer)
    except Exception as error:
        # transformers raises whatever the hub, the disk and the file formats raise.
        first = (str(error).strip().splitlines() or [""])[0]
        raise EngineStartError(
            f"engine.tokenizer: cannot load '{name}': {type(error).__name__}: {first}{hub_mend(error, name)}"
        ) from error
    return Speech(_identity(folder, name, tokenizer), tokenizer, Transcripts(tokenizer, date=date, stop_ids=ends))


def _ends(name: str, tokenizer: Any) -> set[int]:
    """Ids that end an answer."""
    # Not by transformers' own class, which imports torch.
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    file = "generation_config.json"
    try:
        path = Path(name, file) if Path(name).is_dir() else Path(hf_hub_download(name, file))
        given = json.loads(path.read_text(encoding="utf-8")).get("eos_token_id")
    except (EntryNotFoundError, FileNotFoundError):  # not every tokenizer has one beside it
        given = None
    ends = {given} if isinstance(given, int) else set(given or ())
    return ends if tokenizer.eos_token_id is None else ends | {tokenizer.eos_token_id}


def _identity(folder: Path, name: str, tokenizer: Any) -> str:
    if not folder.is_dir():
        commit = tokenizer.init_kwargs.get("_commit_hash")
        return f"{name}@{commit}" if commit else name
    hashed = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name.startswith(_FILES) and path.is_file():
            hashed.update(json.dumps([path.name, hashlib.sha256(path.read_bytes()).hexdigest()]).encode())
    return f"{folder.resolve().name}@{hashed.hexdigest()[:16]}"
