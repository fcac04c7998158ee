"""A tokenizer made on the spot: byte-level BPE with any chat template and the control tokens that stand in it."""

from __future__ import annotations

import re
from typing import Any

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_MARKS = re.compile(r"<[|\uff5c][^<>{}\s]*[|\uff5c]>|</?[a-z_]+>|\[/?[A-Z_]+\]")


def tiny_tokenizer(template: str | None = CHATML, extra: tuple[str, ...] = ()) -> Any:
    """A fast tokenizer of transformers."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    backend.train_from_iterator(["the river and the mill, the user and the assistant Name Name"] * 3, trainer)
    marks = sorted({*_MARKS.findall(template or ""), *extra})
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", additional_special_tokens=marks
    )
    made.chat_template = template
    return made
