"""The attack files of this folder, each with the sentences that refuse it; run as a script it writes them.

    python tests/attacks/make.py

Each file is a small recording with one thing wrong, or bytes that are none. `reader` is part of what Trace.load and tokenscope-html say;
`viewer` is part of what the page's decoder says of the payload inside, None where there is no payload to be had, or where the page
does not look at what is wrong.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

import msgpack
import numpy as np
import zstandard
from tests.support.envelopes import packed
from tests.support.tables import small_run, small_tables

from tokenscope_trace.traces import container
from tokenscope_trace.traces.schema import TABLES

FOLDER = Path(__file__).parent
ESCAPES = "\x1b]0;title\x07\x1b[2J\u202e"


@dataclass(frozen=True)
class Attack:
    """A file, and what refuses it."""

    data: bytes
    reader: str
    viewer: str | None


def document(**facts: Any) -> dict[str, Any]:
    """The smallest recording that has rows in every table."""
    tables = {
        name: {
            "rows": len(next(iter(columns.values()))),
            "columns": {key: stored(values) for key, values in columns.items()},
        }
        for name, columns in small_tables().items()
    }
    return {"run": small_run(**facts), "metrics": {}, "tables": tables}


def stored(values: np.ndarray) -> dict[str, Any]:
    """A column without filters."""
    return {"dtype": values.dtype.str, "unit": "", "filters": [], "data": values.tobytes()}


def cells(table: str, column: str, *values: Any, **facts: Any) -> bytes:
    """The recording with other values in a column."""
    changed = document(**facts)
    changed["tables"][table]["columns"][column] = stored(np.array(values, dtype=TABLES[table][column].dtype))
    return packed(changed)


def changed(change: Callable[[dict[str, Any]], Any], **facts: Any) -> bytes:
    """The recording after a change of its document."""
    made = document(**facts)
    change(made)
    return packed(made)


def facts(**facts: Any) -> bytes:
    """The recording with other facts."""
    return packed(document(**facts))


def fact(name: str, **values: Any) -> bytes:
    """The recording with other values inside of a fact."""
    return packed(document(**{name: {**small_run()[name], **values}}))


def rows(table: str, count: Any) -> bytes:
    """The recording with a table that claims other rows."""
    return changed(lambda made: made["tables"][table].update(rows=count))


def framed(frame: bytes, length: int) -> bytes:
    """An envelope around any bytes."""
    return struct.pack("<8sHHQ", container.MAGIC, 1, 0, length) + frame


def zeros(count: int) -> bytes:
    """So many zeros, compressed."""
    return zstandard.ZstdCompressor(write_checksum=True, write_content_size=True).compress(bytes(count))


def long_program(tokens: int, size: int, byte: int = 32, **more: Any) -> bytes:
    """A main path of so many tokens, each of the same `size` bytes; `more` are further tables, a branch of one token each."""
    tables: dict[str, dict[str, Any]] = {
        "tokens": {"id": np.arange(2), "special": np.zeros(2), "byte_count": np.array([size, 1])},
        "token_bytes": {"byte": np.full(size + 1, byte)},
        **more,
    }
    branches = len(tables.get("branches", {}).get("first", ()))
    if branches:
        tables["tokens"] = {name: np.repeat(values, [1, branches]) for name, values in tables["tokens"].items()}
        tables["tokens"]["id"] = np.arange(branches + 1)
        tables["token_bytes"] = {"byte": np.full(size + branches, byte)}
    count = tokens + branches
    numbers = {name: np.full(count, np.nan) for name, column in TABLES["nodes"].items() if column.dtype == "<f4"}
    departs = tables.get("branches", {}).pop("departs", np.zeros(branches))
    tables["nodes"] = numbers | {
        "parent": np.concatenate([np.arange(tokens) - 1, departs]),
        "token_id": np.concatenate([np.zeros(tokens), np.arange(branches) + 1]),
        "origin": np.repeat([1, 2], [tokens, branches]),
        "rank": np.zeros(count),
        "alternative_count": np.zeros(count),
    }
    made = {
        name: {
            "rows": len(next(iter(tables[name].values()))) if name in tables else 0,
            "columns": {
                key: stored(np.asarray(tables.get(name, {}).get(key, np.zeros(0))).astype(c.dtype))
                for key, c in columns.items()
            },
        }
        for name, columns in TABLES.items()
    }
    kept = small_run(main_leaf=tokens - 1, prompt={"segments": []})
    run = {key: kept[key] for key in EARLY} | {"tree": kept["tree"], "decisions": {"found": tokens}}
    run["check"] = {"command": "sh {file}", "outputs": ["x" * 60_000]}
    return packed({"run": run, "metrics": {}, "tables": made})


def twigs(first: int, count: int, departs: Any, rejoined: Any = -1) -> dict[str, Any]:
    """So many branches of one token; where they depart, and where they rejoin."""
    joins = np.broadcast_to(rejoined, count)
    return {
        "first": first + np.arange(count),
        "count": np.ones(count),
        "forced": np.ones(count),
        "asked": np.ones(count),
        "end": np.where(joins >= 0, 3, 0),
        "rejoined": joins,
        "departs": np.broadcast_to(departs, count),
    }


def decided(rows: int, tokens: int, options: int) -> dict[str, Any]:
    """So many decisions about the first tokens of a program, each with so many options that nobody explored."""
    zeros, asked = np.zeros(rows), np.zeros(rows * options)
    return {
        "decisions": {
            "node": zeros,
            "count": np.full(rows, tokens),
            "syntax": np.full(rows, -1),
            "probability": zeros,
            "difference": zeros,
            "flags": zeros,
            "option_count": np.full(rows, options),
        },
        "decision_options": {"node": asked, "token_id": asked, "probability": asked, "branch": np.full(rows * options, -1)},
    }


EARLY = ("generator", "model", "prompt", "sampling", "main_leaf", "finish", "libraries", "command", "notes", "clock")
GOOD = packed(document())


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def empty_maps() -> bytes:
    """A million and more of them, in lists that are each as long as one may be."""
    many = b"\xdc\x1f\xff" + b"\x80" * 8191
    return packed(b"\x83\xa3run\x81\xa1x\xdc" + struct.pack(">H", 160) + many * 160 + b"\xa7metrics\x80\xa6tables\x80")


def syntax(*passages: dict[str, Any]) -> dict[str, Any]:
    """`run.syntax` with other passages."""
    return {**small_run()["syntax"], "passages": list(passages)}


def without(table: str, column: str | None = None) -> bytes:
    """The recording without a table, or a column."""
    return changed(
        lambda made: made["tables"].pop(table) if column is None else made["tables"][table]["columns"].pop(column)
    )


def described(table: str, column: str, **description: Any) -> bytes:
    """The recording with a column that is described otherwise."""
    return changed(lambda made: made["tables"][table]["columns"][column].update(description))


PASSAGE = {"text": 0, "language": "python"}
ATTACKS: dict[str, Attack] = {
    # The envelope and the frame, which a page does not have.
    "nothing-at-all": Attack(b"", "it is empty", None),
    "another-kind-of-file": Attack(b"\x89PNG\r\n\x1a\n" + bytes(40), "it is not a TokenScope trace", None),
    "line-ends-rewritten": Attack(GOOD.replace(b"\r\n", b"\n", 1), "it is not a TokenScope trace", None),
    "version-of-the-future": Attack(
        packed(document(), version=(2, 0)), "it has format version 2.0, this program reads version 1", None
    ),
    "header-cut-short": Attack(GOOD[:15], "it ends inside the header, after 15 bytes", None),
    "frame-cut-short": Attack(GOOD[:-40], "it ends inside the compressed frame", None),
    "checksum-of-other-bytes": Attack(
        GOOD[:-1] + bytes([GOOD[-1] ^ 1]), "its checksum or its structure does not hold", None
    ),
    "no-checksum": Attack(packed(document(), checksum=False), "the compressed frame carries no checksum", None),
    "length-of-a-terabyte": Attack(
        packed(document(), length=1 << 40), "it asks for 1,099,511,627,776 bytes of memory", None
    ),
    "length-that-the-frame-denies": Attack(
        packed(document(), length=99), "the compressed frame and the header disagree", None
    ),
    "zeros-that-expand": Attack(
        framed(zeros(1 << 25), 1 << 25), "would expand to 33,554,432, more than a recording does", None
    ),
    "window-of-a-gigabyte": Attack(
        framed(b"\x28\xb5\x2f\xfd\x84\xa0\x10\x00\x00\x00" + bytes(20), 16),
        "its compression window of 1,073,741,824 bytes",
        None,
    ),
    "another-file-behind": Attack(GOOD + GOOD, "something follows the compressed frame", None),
    # The payload's msgpack.
    "list-of-four-billion": Attack(
        packed(b"\xdd\xff\xff\xff\xff" * 400), "not the msgpack map it should be", "a list is longer"
    ),
    "map-of-four-billion": Attack(
        packed(b"\xdf\xff\xff\xff\xff" * 400), "not the msgpack map it should be", "a map is longer"
    ),
    "key-twice": Attack(packed(b"\x82\xa3run\x80\xa3run\x80"), "has a key twice", "a map has a key twice"),
    "key-that-is-a-number": Attack(
        packed(b"\x81\x01\x02"), "not the msgpack map it should be", "a key that is not a string"
    ),
    "string-that-is-not-utf-8": Attack(
        packed(b"\x81\xa1\xff\x01"), "not the msgpack map it should be", "a string is not UTF-8"
    ),
    "surrogate-in-a-string": Attack(
        packed(b"\x81\xa3\xed\xa0\x80\x01"), "not the msgpack map it should be", "a string is not UTF-8"
    ),
    "extension-value": Attack(
        packed(b"\x81\xa1x\xd4\x05\x00"), "not the msgpack map it should be", "a value of unknown type 0xd4"
    ),
    "timestamp": Attack(
        facts(extra=msgpack.Timestamp(1)), "not the msgpack map it should be", "a value of unknown type 0xd6"
    ),
    "lists-in-lists": Attack(facts(extra=nested(40)), "nests deeper than 16 levels", "nests too deep"),
    "lists-in-lists-without-end": Attack(packed(b"\x91" * 100_000), "not the msgpack map it should be", "nests too deep"),
    "a-million-empty-maps": Attack(empty_maps(), "hold more than 1,048,576 values", "holds too many values"),
    "string-of-two-megabytes": Attack(
        facts(extra="a" * (2 << 20)), "not the msgpack map it should be", "longer than any may be"
    ),
    "document-cut-short": Attack(
        packed(msgpack.packb(document())[:-9]), "not the msgpack map it should be", "ends too early"
    ),
    "something-behind-the-document": Attack(
        packed(msgpack.packb(document()) + b"\0"), "not the msgpack map", "follows the document"
    ),
    "no-map": Attack(packed([1, 2]), "the payload is not a map", "the payload is not a map"),
    "run-that-is-a-list": Attack(changed(lambda made: made.update(run=[])), "are not all maps", "run is not a map"),
    # Tables and columns.
    "rows-of-a-trillion": Attack(rows("nodes", 1 << 40), "over the limit", "no valid row count"),
    "rows-that-are-not-there": Attack(rows("alternatives", 8), "where 8 rows of <i4 need 32", "does not have 8 rows"),
    "rows-below-zero": Attack(rows("alternatives", -1), "has no row count", "no valid row count"),
    "decisions-without-end": Attack(rows("decisions", 1001), "has 1,001 rows, over the limit", "no valid row count"),
    "table-without-columns": Attack(
        changed(lambda made: made["tables"].update(later={"rows": 1 << 20, "columns": {}})),
        "the table later has no column",
        None,
    ),
    "table-missing": Attack(without("spellings"), "the table spellings is missing", "spellings.node is missing"),
    "column-missing": Attack(without("nodes", "rank"), "the column nodes.rank is missing", "nodes.rank is missing"),
    "column-of-another-type": Attack(
        described("nodes", "rank", dtype="<f4"),
        "nodes.rank is <f4, expected <i4",
        "nodes.rank is missing or of another type",
    ),
    "objects-as-a-type": Attack(described("nodes", "rank", dtype="|O8"), "unknown dtype '|O8'", "has an unknown type"),
    "delta-of-fractions": Attack(
        described("nodes", "gap", filters=["delta"]), "applies an integer filter", "does not apply"
    ),
    "filter-twice": Attack(described("nodes", "rank", filters=["shuffle", "shuffle"]), "repeats a filter", "does not apply"),
    "escapes-in-the-name-of-a-type": Attack(
        described("nodes", "rank", dtype=ESCAPES), r"unknown dtype '\x1b]0;title\x07\x1b[2J\u202e'", "has an unknown type"
    ),
    "escapes-in-the-name-of-a-table": Attack(
        changed(lambda made: made["tables"].update({ESCAPES: 3})),
        r"the table '\x1b]0;title\x07\x1b[2J\u202e' is not",
        "is not a map",
    ),
    # Numbers.
    "probability-above-one": Attack(cells("nodes", "logprob", 0, 0, 0, 0.5, 0), "a logprob is positive", "larger than one"),
    "infinite-entropy": Attack(cells("nodes", "entropy", 0, np.inf, 0, 0, 0), "entropy is negative or infinite", None),
    "rank-below-zero": Attack(cells("nodes", "rank", 0, -1, 1, 1, 1), "a negative rank", None),
    "temperature-that-is-no-number": Attack(fact("sampling", temperature=float("nan")), "is not a finite number", None),
    "noise-without-end": Attack(fact("replay", noise=float("inf")), "run.replay.noise is not a finite number", None),
    # The tree of tokens.
    "token-that-is-its-own-parent": Attack(
        cells("nodes", "parent", 0, 0, 1, 2, 2), "does not come after its parent", "does not come after its parent"
    ),
    "parents-in-a-circle": Attack(
        cells("nodes", "parent", -1, 2, 1, 2, 2), "does not come after its parent", "does not come after its parent"
    ),
    "parent-before-the-first": Attack(
        cells("nodes", "parent", -1, 0, -2, 2, 2), "a parent below -1", "come after its parent"
    ),
    "token-without-bytes": Attack(
        cells("nodes", "token_id", 5, 9, 5, 8, 9), "not in the table of tokens", "not in the list of tokens"
    ),
    "tokens-out-of-order": Attack(
        cells("tokens", "id", 5, 9, 7), "ascending order of their ids", "ascending order of their ids"
    ),
    "bytes-that-do-not-add-up": Attack(
        cells("tokens", "byte_count", 3, 1, 2**32 - 1), "byte_count adds up", "do not add up"
    ),
    "alternatives-that-do-not-add-up": Attack(
        cells("nodes", "alternative_count", 9, 2, 1, 2, 2), "adds up to 16", "do not add up"
    ),
    "a-long-token": Attack(long_program(2, 4097), "a token of it has 4,097 bytes", "a token of it is too long"),
    "a-long-token-very-often": Attack(long_program(1025, 4096), "its tokens spell 4,198,400 bytes", "too long a text"),
    "line-breaks-without-end": Attack(long_program(65, 4096, 10), "spell 266,240 line breaks", "spell too many lines"),
    "branches-behind-each-other": Attack(
        long_program(2, 1, branches=twigs(2, 257, np.concatenate([[0], 2 + np.arange(256)]))),
        "257 of its branches stand behind each other",
        "too far behind each other",
    ),
    "branches-that-rejoin-each-other": Attack(
        long_program(2, 1, branches=twigs(2, 257, 0, np.concatenate([[1], 2 + np.arange(256)]))),
        "257 of its branches stand behind each other",
        "too far behind each other",
    ),
    "a-long-program-of-very-many-branches": Attack(
        long_program(1023, 4096, branches=twigs(1023, 600, 1022)),
        "the programs of its branches, decisions and options have 2,518,",
        "are too long together",
    ),
    "options-about-a-long-program": Attack(
        long_program(1024, 4096, **decided(1, 1, 600)),
        "the programs of its branches, decisions and options have 2,525,",
        "are too long together",
    ),
    "decisions-about-the-same-tokens": Attack(
        long_program(1000, 1, **decided(1000, 600, 0)), "its decisions have 600,000 tokens", "have too many tokens"
    ),
    "spelling-of-no-token": Attack(
        cells("spellings", "node", 5), "a spelling belongs to no node", "a spelling belongs to no token"
    ),
    "output-that-ends-nowhere": Attack(
        facts(main_leaf=5), "run.main_leaf is not the index", "the end of the output is not a token"
    ),
    "output-that-ends-before-it-begins": Attack(facts(main_leaf=-1), "run.main_leaf is not the index", "is not a token"),
    "output-through-a-branch": Attack(facts(main_leaf=4), "the main path runs through a branch", "runs through a branch"),
    "siblings-with-one-token": Attack(cells("nodes", "token_id", 5, 9, 5, 7, 7), "have the same token", "have the same id"),
    "branch-of-nothing": Attack(cells("branches", "count", 0), "a branch has no node", "a branch has no token"),
    "branch-beyond-the-end": Attack(cells("branches", "count", 2**32 - 1), "nodes that do not exist", "do not exist"),
    "branch-that-rejoins-itself": Attack(
        changed(
            lambda made: made["tables"]["branches"]["columns"].update(
                end=stored(np.array([3], "|u1")), rejoined=stored(np.array([4], "<i4"))
            )
        ),
        "does not stand before it",
        "rejoins without saying where",
    ),
    "branch-of-tokens-of-the-output": Attack(cells("branches", "first", 3), "disagree", "disagree"),
    # What stands where.
    "segments-that-overlap": Attack(
        fact("prompt", segments=[{"role": "text", "first": 0, "end": 2}, {"role": "text", "first": 1, "end": 3}]),
        "the prompt's segments do not join",
        "the segments of the prompt do not join",
    ),
    "segments-with-a-hole": Attack(
        fact("prompt", segments=[{"role": "text", "first": 0, "end": 1}, {"role": "text", "first": 2, "end": 3}]),
        "the prompt's segments do not join",
        "the segments of the prompt do not join",
    ),
    "segments-that-end-before-the-prompt-does": Attack(
        fact("prompt", segments=[{"role": "text", "first": 0, "end": 1}]),
        "the prompt's segments do not cover it",
        "the segments of the prompt do not cover it",
    ),
    "segment-beyond-the-end": Attack(
        fact("prompt", segments=[{"role": "text", "first": 0, "end": 2**53}]), "segments do not join", "do not join"
    ),
    "passage-of-a-text-that-is-not-there": Attack(
        facts(syntax=syntax({**PASSAGE, "text": 1, "first": 0, "count": 3}, {**PASSAGE, "first": 3, "count": 1})),
        "a passage belongs to no text",
        "a passage belongs to no text",
    ),
    "files-with-branches": Attack(
        changed(
            lambda made: made["tables"]["nodes"]["columns"].update(
                origin=stored(np.array([3, 3, 3, 3, 2], "|u1")), parent=stored(np.array([-1, 0, 1, 2, 2], "<i4"))
            ),
            files=[{"source": "a", "first": 0, "end": 4}],
        ),
        "it has files that were scored, and branches",
        "it has files that were scored, and branches",
    ),
    "file-beyond-the-end": Attack(
        facts(files=[{"source": "a", "first": 0, "end": 9}]), "the files do not join", "the files do not join"
    ),
    "file-of-tokens-that-were-not-scored": Attack(
        facts(files=[{"source": "a", "first": 0, "end": 5}]), "nodes that were not scored", "not a sequence of scored tokens"
    ),
    "passages-with-a-hole": Attack(
        facts(syntax=syntax({**PASSAGE, "first": 0, "count": 1}, {**PASSAGE, "first": 2, "count": 2})),
        "do not join",
        "do not join",
    ),
    "passage-at-a-fraction": Attack(
        facts(syntax=syntax({**PASSAGE, "first": 0.0, "count": 3}, {**PASSAGE, "first": 3, "count": 1})), "do not join", None
    ),
    "syntax-in-a-circle": Attack(
        cells("syntax", "parent", -1, 2, 1, -1), "comes before its parent", "a passage is not one tree"
    ),
    "syntax-beyond-its-parent": Attack(
        cells("syntax", "end", 7, 3, 9, 9), "reaches beyond its parent", "reaches beyond its parent"
    ),
    "syntax-of-an-unknown-kind": Attack(cells("syntax", "kind", 1, 0, 2, 1), "an unknown kind", "an unknown kind"),
    "attention-to-what-comes-later": Attack(
        cells("attention", "node", 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 2, 0, 2, 3, 3, 0),
        "does not stand before it",
        "does not stand before it",
    ),
    "attention-without-end": Attack(fact("attention", queries=2**53), "is not a number of nodes", "which tokens it is of"),
    "lens-beyond-the-end": Attack(fact("lens", first=4), "the lens has tokens that do not exist", "which tokens it is of"),
    "decision-on-a-branch": Attack(cells("decisions", "node", 4), "a node that is not on the main path", None),
    "decision-beyond-the-end": Attack(
        cells("decisions", "count", 65535), "nodes that do not exist", "tokens that do not exist"
    ),
    "decision-about-the-syntax-of-a-branch": Attack(cells("decisions", "syntax", 3), "the syntax of a branch", None),
    "option-with-an-unknown-branch": Attack(
        cells("decision_options", "branch", 1, -1), "an unknown branch", "do not add up"
    ),
    "pivot-beyond-the-end": Attack(
        fact("check", pivot={"node": 2**31, "before": 0, "after": 1}), "names no node of the main path", None
    ),
    "pivot-without-shares": Attack(
        fact("check", pivot={"node": 3, "before": None, "after": 1}), "run.check.pivot has no shares", None
    ),
    "check-without-output": Attack(cells("checks", "output", 0, 9), "a check has an unknown output", None),
    # Facts of another kind.
    "model-with-a-list-for-a-name": Attack(fact("model", id=["a"]), "run.model.id is not text", None),
    "stop-strings-that-are-a-number": Attack(fact("sampling", stop=5), "run.sampling.stop is not a list of strings", None),
    "stop-string-of-two-thousand": Attack(
        fact("sampling", stop=["x" * 2000]),
        "run.sampling.stop is not a list of strings, at most 100 of at most 1,000",
        "a stop string",
    ),
    "stop-strings-without-end": Attack(
        fact("sampling", stop=["x"] * 101), "is not a list of strings, at most 100", "too many stop strings"
    ),
    "name-without-end": Attack(
        fact("prompt", source="x" * 20_000), "run.prompt.source is not text of at most 16,384 characters", "a name of it"
    ),
    "kind-without-end": Attack(
        facts(syntax={**small_run()["syntax"], "kinds": ["x" * 20_000, "y"]}), "is not a list of names", "a name of it"
    ),
    "the-same-output-very-often": Attack(
        long_program(
            2,
            1,
            branches=twigs(2, 300, 0),
            checks={"branch": np.arange(300), "result": np.ones(300), "output": np.zeros(300)},
        ),
        "its check printed 18,000,000 characters on all programs",
        "its check printed too much",
    ),
    "replay-that-is-a-string": Attack(facts(replay="once"), "run.replay is not a map", None),
    "metric-without-a-definition": Attack(
        changed(lambda made: made["metrics"].update(rank=None)), "a metric is not a map", "a metric is not"
    ),
    "finish-of-no-kind": Attack(facts(finish="</script>"), "run.finish is not one of the known reasons", None),
}


def main() -> None:
    """Write all files and remove those that are no attack any more."""
    for path in FOLDER.glob("*.tsc"):
        if path.stem not in ATTACKS:
            path.unlink()
    for name, attack in ATTACKS.items():
        (FOLDER / f"{name}.tsc").write_bytes(attack.data)


if __name__ == "__main__":
    main()
