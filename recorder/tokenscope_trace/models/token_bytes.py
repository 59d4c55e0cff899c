"""The exact bytes of tokens, from their ids.

In: a tokenizer. Out: the bytes of an id inside a text, and the bytes of each id of a sequence where it stands. Knows the
kinds of decoders, not models.

A tokenizer decodes text; a trace needs the bytes of each token, also of those that hold half a character. The known
decoders of the `tokenizers` library spell each token by itself (byte-level; SentencePiece pieces with byte fallback), but
for the first one. Any other decoder is asked about prefixes of the sequence, and the difference is the token's spelling.
What comes out is checked against the tokenizer's own decoding of the whole sequence.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


@lru_cache(maxsize=1)
def byte_alphabet() -> dict[str, int]:
    """The character that stands for each byte in a byte-level vocabulary.

    Printable Latin-1 characters stand for themselves, the other bytes for the characters from U+0100 on, in order
    (the table of GPT-2's tokenizer).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {chr(256 + index): byte for index, byte in enumerate(others)}


class Speller:
    """Exact bytes of a tokenizer's ids."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        added = tokenizer.added_tokens_decoder
        self._special = frozenset(tokenizer.all_special_ids) | {id_ for id_, token in added.items() if token.special}
        self._piece = _piece_decoder(tokenizer)
        self._inside: dict[int, bytes] = {}
        self._anchor: int | None = None

    def is_special(self, token_id: int) -> bool:
        """Whether the id is a control token, or one that the model has and the tokenizer does not know."""
        return token_id in self._special or self._name(token_id) is None

    def inside(self, token_id: int) -> bytes:
        """The bytes of an id inside a text; empty for an id that the tokenizer does not know."""
        if token_id not in self._inside:
            self._inside[token_id] = self._spell_inside(token_id)
        return self._inside[token_id]

    def spell(self, ids: Sequence[int]) -> list[bytes]:
        """The bytes of each id where it stands.

        Without those of control tokens they join to what the tokenizer decodes for the sequence when it skips control
        tokens, except that bytes which are no valid UTF-8 are kept as they are.
        """
        plain = [token_id for token_id in ids if not self.is_special(token_id)]
        spelled = self._spell_known(plain)
        if spelled is None or not _agrees(b"".join(spelled), self._decode(plain)):
            spelled = self._spell_by_difference(plain)
            self._piece = None
            self._inside.clear()
        self._anchor = next((id_ for id_ in plain if self._decode([id_]).strip()), self._anchor)
        words = iter(spelled)
        return [self.inside(token_id) if self.is_special(token_id) else next(words) for token_id in ids]

    def _name(self, token_id: int) -> str | None:
        if token_id >= len(self._tokenizer):
            return None
        name = self._tokenizer.convert_ids_to_tokens(token_id)
        return name if isinstance(name, str) else None

    def _decode(self, ids: list[int]) -> str:
        text = self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        return text

    def _spell_inside(self, token_id: int) -> bytes:
        name = self._name(token_id)
        if name is None:
            return b""
        if token_id in self._special:
            return name.encode()
        if self._piece is not None:
            return self._piece(name, False)
        if self._anchor is None:
            return self._decode([token_id]).encode()
        before, after = self._decode([self._anchor]), self._decode([self._anchor, token_id])
        return (after[len(before) :] if after.startswith(before) else self._decode([token_id])).encode()

    def _spell_known(self, ids: list[int]) -> list[bytes] | None:
        if self._piece is None:
            return None
        return [self._piece(self._name(token_id) or "", place == 0) for place, token_id in enumerate(ids)]

    def _spell_by_difference(self, ids: list[int]) -> list[bytes]:
        """Cut the decoded text where the decoding of each prefix stops to agree with it."""
        whole = self._decode(ids)
        cuts = [0]
        for length in range(1, len(ids)):
            cuts.append(max(cuts[-1], _common_prefix(self._decode(ids[:length]), whole)))
        cuts.append(len(whole))
        return [whole[first:end].encode() for first, end in itertools.pairwise(cuts)] if ids else []


def _agrees(spelled: bytes, decoded: str) -> bool:
    """Whether our bytes say what the tokenizer says, as far as it can: it writes U+FFFD for bytes that are no character."""
    return "\ufffd" in decoded or spelled == decoded.encode("utf-8", "surrogatepass")


def _common_prefix(left: str, right: str) -> int:
    limit = min(len(left), len(right))
    return next((place for place in range(limit) if left[place] != right[place]), limit)


_Piece = Callable[[str, bool], bytes]  # (token's name in the vocabulary, whether it is the first) -> bytes


def _piece_decoder(tokenizer: Any) -> _Piece | None:
    """How this tokenizer's decoder spells one token by itself, or None where it is of no known kind."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = getattr(backend, "decoder", None)
    if decoder is None:
        return None
    state = json.loads(decoder.__getstate__())
    steps = state.get("decoders", [state])
    kinds = [step["type"] for step in steps]
    if kinds == ["ByteLevel"]:
        return _byte_level
    if kinds == ["Metaspace"]:
        return _metaspace(steps[0]["replacement"], drop_first=_drops_first(steps[0]))
    if "ByteFallback" in kinds and set(kinds) <= {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"}:
        return _byte_fallback(steps)
    return None


def _byte_level(name: str, first: bool) -> bytes:  # noqa: ARG001 - byte-level tokens are the same everywhere
    alphabet = byte_alphabet()
    return bytes(alphabet[char] for char in name) if all(char in alphabet for char in name) else name.encode()


def _metaspace(mark: str, *, drop_first: bool) -> _Piece:
    def spell(name: str, first: bool) -> bytes:
        return name.replace(mark, "" if first and drop_first else " ").encode()

    return spell


def _byte_fallback(steps: list[dict[str, Any]]) -> _Piece | None:
    """SentencePiece's decoder as `tokenizers` writes it: replace the mark, join bytes, strip the first space."""
    replacements = [(step["pattern"].get("String"), step["content"]) for step in steps if step["type"] == "Replace"]
    strips = [step for step in steps if step["type"] == "Strip"]
    if any(pattern is None for pattern, _ in replacements) or any(step["content"] != " " or step["stop"] for step in strips):
        return None
    spaces = sum(step["start"] for step in strips)
    metaspace = next((step for step in steps if step["type"] == "Metaspace"), None)
    inner = None if metaspace is None else _metaspace(metaspace["replacement"], drop_first=_drops_first(metaspace))

    def spell(name: str, first: bool) -> bytes:
        byte = _BYTE_TOKEN.fullmatch(name)
        if byte:
            return bytes([int(byte[1], 16)])
        for old, new in replacements:
            name = name.replace(old, new)
        if inner is not None:
            name = inner(name, first).decode()
        leading = len(name) - len(name.lstrip(" "))
        return name[min(spaces, leading) if first else 0 :].encode()

    return spell


def _drops_first(metaspace: dict[str, Any]) -> bool:
    return bool(metaspace.get("prepend_scheme", "always") != "never")
