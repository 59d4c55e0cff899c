"""Real tokenizers of each kind, trained small on a few lines: byte-level BPE, SentencePiece-like BPE, Unigram, WordPiece."""

from __future__ import annotations

from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

CORPUS = [
    'def mean(values):\n    """The mean of values."""\n    return sum(values) / len(values)\n',
    "class Stack:\n\tdef push(self, item):\n\t\tself.items.append(item)\r\n",
    "for name, value in items.items():\n        if value is None:\n            continue\n",
    "print('grüße, 世界 🙂')  # naïve café\n",
]
SPECIAL = ["<s>", "</s>", "<unk>"]


def byte_level(*, extra: tuple[str, ...] = ()) -> Any:
    """GPT-2's kind: every byte has a character, no token needs its neighbours."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=384, initial_alphabet=alphabet, special_tokens=[*SPECIAL, *extra], show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def sentencepiece_bpe() -> Any:
    """Llama 2's kind: a mark for spaces, byte tokens for what the vocabulary lacks, one space before the text."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=360, special_tokens=["<unk>", "<s>", "</s>", *bytes_], show_progress=False)
    tokenizer.train_from_iterator([line.encode("ascii", "ignore").decode() for line in CORPUS], trainer)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return _without_special_bytes(tokenizer, bytes_)


def _without_special_bytes(tokenizer: Tokenizer, bytes_: list[str]) -> Any:
    """Byte tokens are ordinary tokens: the trainer takes them only as special ones, so they are struck from that list."""
    import json

    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] not in bytes_]
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)), bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def unigram() -> Any:
    """T5's kind: Unigram with Metaspace, which drops the space before the first word."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def wordpiece() -> Any:
    """BERT's kind: words joined by spaces, continuations marked, spaces before punctuation cleaned up."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def words_without_decoder() -> Any:
    """A kind nobody knows: whole words, no decoder, so that the library joins them with spaces."""
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "def": 1, "mean": 2, "(": 3, ")": 4, ":": 5}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def with_beginning(tokenizer: Any) -> Any:
    """The same tokenizer, putting <s> before each text."""
    from tokenizers.processors import TemplateProcessing

    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.convert_tokens_to_ids("<s>"))]
    )
    return tokenizer


def with_plain_added(tokenizer: Any, *contents: str) -> Any:
    """The same tokenizer with added tokens that are not special."""
    tokenizer.add_tokens([AddedToken(content, special=False, normalized=False) for content in contents])
    return tokenizer


KINDS = {
    "byte-level": byte_level,
    "sentencepiece-bpe": sentencepiece_bpe,
    "unigram": unigram,
    "wordpiece": wordpiece,
    "no-decoder": words_without_decoder,
}
