"""Train the byte-level BPE tokenizer and write it where transformers finds it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 8192
END_OF_TEXT = "<|endoftext|>"
FIM_PREFIX = "<|fim_prefix|>"
FIM_SUFFIX = "<|fim_suffix|>"
FIM_MIDDLE = "<|fim_middle|>"
SPECIAL_TOKENS = (END_OF_TEXT, FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE)  # ids 0 to 3
HOLE_IDS = (1, 2, 3)

# One alternative per kind of piece. BPE never merges across pieces.
PIECES = "|".join(
    (
        r"(?:\r?\n[ \t]*)+",  # a line end, the blank lines after it, and the next indentation
        r"[^\s\p{L}\p{N}]?\p{L}+| \p{L}+",  # a word, with one sign or space before it
        r" ?\p{N}",  # digits one by one
        r" ?[^\s\p{L}\p{N}]+",  # a run of signs
        r"[^\S\r\n]+(?!\S)",  # spaces but the last one before a word
        r"\s+",
    )
)


def build_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Train on the texts. Every byte string that is UTF-8 comes back unchanged."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=48,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def write_atomically(path: Path, text: str) -> None:
    """Write beside the file, then move into place."""
    scratch = path.with_name(path.name + ".part")
    scratch.write_text(text, encoding="utf-8", newline="")
    os.replace(scratch, path)


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json."""
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "pad_token": END_OF_TEXT,
        "additional_special_tokens": [FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE],
        "add_bos_token": False,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 2048,
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "tokenizer.json", tokenizer.to_str(pretty=False) + "\n")
    write_atomically(folder / "tokenizer_config.json", json.dumps(config, indent=2) + "\n")
