"""A back end of five tokens: all that models/backend.py asks for, and every path of it can be enumerated by hand. No torch."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np

from tokenscope_trace.failures import Unfit
from tokenscope_trace.models.backend import Output
from tokenscope_trace.models.prompts import Prompt, Segment
from tokenscope_trace.traces.rows import Rows

WORDS = (b"<end>", b"a", b"b", b"ab", b"\n")
# The probabilities of the next token, by the last one. Nothing follows the end.
AFTER = {1: (0.11, 0.06, 0.43, 0.23, 0.17), 2: (0.05, 0.47, 0.09, 0.13, 0.26), 3: (0.19, 0.21, 0.12, 0.08, 0.40),
         4: (0.31, 0.34, 0.07, 0.18, 0.10)}  # fmt: skip


def rows_of(lasts, tokens):
    """The rows of tokens, each behind the last token of its path."""
    p = np.array([AFTER[last] for last in lasts]).reshape(-1, len(WORDS))
    ids = np.argsort(-p, axis=1).astype(np.int32)
    best, own = np.take_along_axis(p, ids, axis=1), p[range(len(tokens)), tokens]
    columns = [np.log(own), -(p * np.log2(p)).sum(1), best[:, 0] - best[:, 1], np.log(best[:, 0] / own), np.zeros(len(own))]
    logprob, entropy, margin, gap, tail = (column.astype(np.float32) for column in columns)
    rank, logprobs = 1 + (p > own[:, None]).sum(1).astype(np.int32), np.log(best).astype(np.float32)
    q = np.full_like(logprobs, np.nan)  # greedy: what is sampled from is p
    return Rows(logprob, entropy, margin, rank, gap, tail, q[:, 0], q[:, 0], ids, logprobs, q)


class ToyVocabulary:
    size, is_special, inside = len(WORDS), staticmethod(lambda token: token == 0), staticmethod(WORDS.__getitem__)
    spell = staticmethod(lambda ids: [WORDS[token] for token in ids])
    file_ends = turn_ends = staticmethod(tuple)
    ids_of = staticmethod(lambda text: [WORDS.index(letter.encode()) for letter in text])

    def encode(self, prompt):
        ids = self.ids_of(prompt.text)
        return Prompt(ids, prompt.kind, prompt.source, (Segment("text", 0, len(ids)),), exact=True)


class ToySession:
    engine, seconds_per_node, most_nodes, spared, ends, stop, notes = "toy", None, None, False, frozenset({0}), (), ()
    release = unseen = forget = give_up = lambda *_: None

    def generate(self, prompt, settings, watcher, on_part, on_missing, completed):
        path = list(prompt.ids)
        while len(path) - len(prompt.ids) < settings.max_new_tokens and path[-1] != 0:
            path.append(int(np.argmax(AFTER[path[-1]])))
        rows, new = rows_of(path[:-1], path[1:]), path[len(prompt.ids) :]
        before, after = (rows_of(path[:-1][part], path[1:][part]) for part in np.s_[: -len(new), -len(new) :])
        finish = "end-of-text" if path[-1] == 0 else "length"
        return Output(new, after, before if len(rows) > len(new) else None, [], {"do_sample": False}, finish, 0.0, 0.0)

    def replay(self, main, watcher, on_missing):
        raise Unfit("it shows nothing of its inside")

    def branching(self, main, prompt, settings, temperature, wave):
        self.wave = wave
        return self

    def step(self, steps):
        lasts = [step.tip.token for step in steps]
        tokens = [
            int(np.argmax(AFTER[last])) if s.forced is None else s.forced for last, s in zip(lasts, steps, strict=True)
        ]
        return tokens, rows_of(lasts, tokens)

    def logprob_after(self, ids, token):
        raise AssertionError("all five tokens are among the alternatives")

    def score(self, ids, window, alternatives, watcher):
        return rows_of(ids[:-1], ids[1:])

    def scored_layers(self):
        return [], []

    def facts(self, attention, lens, queries, unread=None):
        return {"attention": None, "lens": None}


class ToyBackend:
    context, shape, facts, notes = None, None, {"id": "toy", "vocab_size": len(WORDS)}, ()
    endless, held_bytes, seconds_per_token_before = nullcontext, lambda _: None, lambda *_: 0.0

    def __init__(self, width=1):
        self.width = width

    def environment(self):
        return {"libraries": {}, "machine": None}

    def vocabulary(self):
        return ToyVocabulary()

    def begin(self, replay):
        return ToySession()
