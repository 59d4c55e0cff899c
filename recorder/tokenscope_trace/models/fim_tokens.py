"""Fill-in-the-middle tokens: how each family of models marks the parts around a hole, and what ends a file. Names only; knows no tokenizer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tokenscope_trace.settings import FimOrder


@dataclass(frozen=True)
class FimTokens:
    """One spelling of fill-in-the-middle; `order` is the sequence in which prefix and suffix are given, `middle` None where nothing
    stands behind them.
    """

    prefix: str
    suffix: str
    middle: str | None
    order: FimOrder = "prefix-suffix"

    @property
    def names(self) -> tuple[str, ...]:
        """Those that there are."""
        return tuple(name for name in (self.prefix, self.suffix, self.middle) if name is not None)


FAMILIES = (
    FimTokens("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),  # Qwen coder, CodeGemma, the built-in model
    FimTokens("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),  # StarCoder, Granite code
    FimTokens("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),  # SantaCoder
    FimTokens("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),  # DeepSeek coder
    FimTokens("▁<PRE>", "▁<SUF>", "▁<MID>"),  # Code Llama
    FimTokens("<PRE>", "<SUF>", "<MID>"),
    FimTokens("[PREFIX]", "[SUFFIX]", None, "suffix-prefix"),  # Codestral
    FimTokens("<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>", "suffix-prefix"),  # Seed-Coder, as its paper says
    FimTokens("<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>", "suffix-prefix"),  # GLM, CodeGeeX
    FimTokens(">>PREFIX<<", ">>SUFFIX<<", ">>MIDDLE<<"),  # Falcon
)
FILE_ENDS = (
    "<|endoftext|>",
    "<|fim_pad|>",
    "<|file_sep|>",
    "<|file_separator|>",
    "<|repo_name|>",
    "<fim_pad>",
    "<file_sep>",
    "<repo_name>",
    "<reponame>",
    "<filename>",
    "<EOT>",
    "▁<EOT>",
)
KNOWN_NAMES = frozenset(FILE_ENDS).union(*(family.names for family in FAMILIES))


def family_of(vocabulary: Collection[str]) -> FimTokens | None:
    """The first family whose tokens a vocabulary holds, None for none."""
    return next((family for family in FAMILIES if all(name in vocabulary for name in family.names)), None)
