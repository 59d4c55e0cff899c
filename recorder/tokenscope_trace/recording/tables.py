"""Tables of a trace, put together from what was measured and what the tokens spell.

Rows and ids in, columns as in schema.TABLES out; measures nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tokenscope_trace.models.backend import Vocabulary
from tokenscope_trace.traces.columns import Array, Floats
from tokenscope_trace.traces.layers import LayerAttention, LayerLens, attention_tables, lens_tables
from tokenscope_trace.traces.rows import SCALARS, Rows
from tokenscope_trace.traces.schema import Origin
from tokenscope_trace.tree.nodes import Grown

Columns = dict[str, Array]
_CONTEXT = 16  # tokens before a branch: more than a spelling that depends on its neighbours looks back


@dataclass(frozen=True)
class Run:
    """Tokens in a row: the prompt, the output, a file. A run continues the one before it, unless it begins at a `root`.

    `rows` measure its last tokens, `noise` too; both may be None. `typed` are the places of control tokens that its author wrote.
    """

    ids: Sequence[int]
    origin: Origin
    rows: Rows | None
    root: bool = True
    noise: Floats | None = None
    typed: Sequence[int] = ()


def tables_of(
    runs: Sequence[Run],
    speller: Vocabulary,
    *,
    grown: Grown | None = None,
    attention: Sequence[LayerAttention] = (),
    lens: Sequence[LayerLens] = (),
) -> dict[str, Columns]:
    """All tables: the runs' nodes, then the branches'."""
    plain = sum(len(run.ids) for run in runs)
    count = plain + (0 if grown is None else len(grown.parent))
    parent = np.arange(-1, count - 1, dtype=np.int32)
    token_id = np.zeros(count, dtype=np.int32)
    origin = np.full(count, Origin.BRANCH, dtype=np.uint8)
    nodes: Columns = {"parent": parent, "token_id": token_id, "origin": origin}
    nodes |= {name: np.full(count, np.nan, np.float32) for name in (*SCALARS, "noise") if name != "rank"}
    nodes |= {"rank": np.zeros(count, dtype=np.int32), "alternative_count": np.zeros(count, dtype=np.uint16)}
    measured: list[Rows] = []
    typed: set[int] = set()
    roots, first = [], 0
    for run in runs:
        end = first + len(run.ids)
        token_id[first:end], origin[first:end] = run.ids, run.origin
        if run.root:
            parent[first] = -1
            roots.append(first)
        if run.noise is not None:
            nodes["noise"][end - len(run.noise) : end] = run.noise
        _measure(nodes, run.rows, end, measured)
        typed |= {first + place for place in run.typed}
        first = end
    if grown is not None:
        parent[plain:], token_id[plain:] = grown.parent, grown.token_id
        _measure(nodes, grown.rows, count, measured)
    alternatives: Columns = {
        "token_id": _joined([rows.ids for rows in measured], np.int32),
        "logprob": _joined([rows.logprobs for rows in measured], np.float32),
        "sampled_logprob": _joined([rows.sampled_logprobs for rows in measured], np.float32),
    }
    seen = np.concatenate([token_id, alternatives["token_id"], *(layer.token_id for layer in lens)])
    return {
        "nodes": nodes,
        "alternatives": alternatives,
        **_text_tables(speller, nodes, np.unique(seen), roots, plain, typed),
        **({} if grown is None else {"branches": grown.branches}),
        **attention_tables(attention),
        **lens_tables(lens),
    }


def _measure(nodes: Columns, rows: Rows | None, end: int, measured: list[Rows]) -> None:
    """Write the numbers of the nodes that end at `end`."""
    if rows is None:
        return
    span = slice(end - len(rows), end)
    for name in SCALARS:
        nodes[name][span] = getattr(rows, name)
    nodes["alternative_count"][span] = rows.ids.shape[1]
    measured.append(rows)


def _joined(parts: Sequence[Array], dtype: type[np.generic]) -> Array:
    return np.concatenate([part.reshape(-1) for part in parts]) if parts else np.empty(0, dtype)


def _text_tables(
    speller: Vocabulary, nodes: Columns, ids: Array, roots: Sequence[int], plain: int, typed: Collection[int]
) -> dict[str, Columns]:
    """The bytes of every id, and of the nodes that are spelled otherwise where they stand, or are control tokens and text all the same."""
    spelled: list[bytes] = []
    for first, end in pairwise([*roots, plain]):
        spelled += speller.spell(nodes["token_id"][first:end].tolist())
    spelled += _spelled_branches(speller, nodes, plain, spelled)
    words = [speller.inside(token_id) for token_id in ids.tolist()]
    exceptions = [
        (node, word)
        for node, (word, token_id) in enumerate(zip(spelled, nodes["token_id"].tolist(), strict=True))
        if word != speller.inside(token_id) or node in typed
    ]
    return {
        "tokens": {
            "id": ids,
            "special": np.array([speller.is_special(token_id) for token_id in ids.tolist()], dtype=np.uint8),
            "byte_count": np.array([len(word) for word in words], dtype=np.uint32),
        },
        "token_bytes": {"byte": np.frombuffer(b"".join(words), dtype=np.uint8)},
        "spellings": {
            "node": np.array([node for node, _ in exceptions], dtype=np.int32),
            "byte_count": np.array([len(word) for _, word in exceptions], dtype=np.uint32),
        },
        "spelling_bytes": {"byte": np.frombuffer(b"".join(word for _, word in exceptions), dtype=np.uint8)},
    }


def _spelled_branches(speller: Vocabulary, nodes: Columns, main: int, spelled_main: list[bytes]) -> list[bytes]:
    """The bytes of the branches' nodes, each where it stands.

    Only a tokenizer that spells by place needs the text before: the main path shows whether this one does.
    """
    ids, parents = nodes["token_id"].tolist(), nodes["parent"].tolist()
    if (
        all(word == speller.inside(token_id) for word, token_id in zip(spelled_main[1:], ids[1:main], strict=True))
        and main > 1
    ):
        return [speller.inside(token_id) for token_id in ids[main:]]
    starts = [node for node in range(main, len(ids)) if parents[node] != node - 1 or node == main]
    spelled = []
    for first, end in pairwise([*starts, len(ids)]):
        before: list[int] = []
        node = parents[first]
        while node >= 0 and len(before) < _CONTEXT:
            before.append(ids[node])
            node = parents[node]
        spelled += speller.spell([*before[::-1], *ids[first:end]])[len(before) :]
    return spelled
