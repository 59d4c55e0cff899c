"""The trace's tables, put together from what was measured and what the tokens spell.

Rows and ids in, columns as in schema.TABLES out; measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tokenscope_trace.columns import Array
from tokenscope_trace.rows import SCALARS, Rows
from tokenscope_trace.schema import Origin
from tokenscope_trace.search import Grown
from tokenscope_trace.spelling import Speller

Table = dict[str, Array]
_CONTEXT = 16  # tokens before a branch: more than a spelling that depends on its neighbours looks back


def tables_of(
    prompt_ids: Sequence[int],
    output_ids: Sequence[int],
    prompt_rows: Rows | None,
    output_rows: Rows,
    grown: Grown | None,
    speller: Speller,
) -> dict[str, Table]:
    """All tables. `prompt_rows` measure the prompt's tokens but the first (nothing predicted that), or are None."""
    prompt, main = len(prompt_ids), len(prompt_ids) + len(output_ids)
    branch_nodes = 0 if grown is None else len(grown.parent)
    count = main + branch_nodes
    parent = np.arange(-1, count - 1, dtype=np.int32)
    token_id = np.zeros(count, dtype=np.int32)
    token_id[:main] = [*prompt_ids, *output_ids]
    if grown is not None:
        parent[main:], token_id[main:] = grown.parent, grown.token_id
    origin = np.full(count, Origin.BRANCH, dtype=np.uint8)
    origin[:prompt], origin[prompt:main] = Origin.PROMPT, Origin.MAIN
    nodes: Table = {"parent": parent, "token_id": token_id, "origin": origin}
    nodes |= {name: np.full(count, np.nan, np.float32) for name in SCALARS if name != "rank"}
    nodes |= {"rank": np.zeros(count, dtype=np.int32), "alternative_count": np.zeros(count, dtype=np.uint16)}
    measured = [(rows, end) for rows, end in ((prompt_rows, prompt), (output_rows, main)) if rows is not None]
    if grown is not None and grown.rows is not None:
        measured.append((grown.rows, count))
    for rows, end in measured:
        span = slice(end - len(rows), end)
        for name in SCALARS:
            nodes[name][span] = getattr(rows, name)
        nodes["alternative_count"][span] = rows.ids.shape[1]
    listed = [rows for rows, _ in measured]
    alternatives: Table = {
        "token_id": np.concatenate([rows.ids.reshape(-1) for rows in listed]),
        "logprob": np.concatenate([rows.logprobs.reshape(-1) for rows in listed]),
        "sampled_logprob": np.concatenate([rows.sampled_logprobs.reshape(-1) for rows in listed]),
    }
    return {
        "nodes": nodes,
        "alternatives": alternatives,
        **_text_tables(speller, nodes, alternatives, main),
        **({} if grown is None else {"branches": grown.branches}),
    }


def _text_tables(speller: Speller, nodes: Table, alternatives: Table, main: int) -> dict[str, Table]:
    """The bytes of every id, and of the nodes that are spelled otherwise where they stand."""
    spelled = speller.spell(nodes["token_id"][:main].tolist())
    spelled += _spelled_branches(speller, nodes, main, spelled)
    ids = np.unique(np.concatenate([nodes["token_id"], alternatives["token_id"]]))
    words = [speller.inside(token_id) for token_id in ids.tolist()]
    exceptions = [
        (node, word)
        for node, (word, token_id) in enumerate(zip(spelled, nodes["token_id"].tolist(), strict=True))
        if word != speller.inside(token_id)
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


def _spelled_branches(speller: Speller, nodes: Table, main: int, spelled_main: list[bytes]) -> list[bytes]:
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
