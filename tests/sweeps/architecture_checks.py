"""One architecture, tiny and random, recorded and compared with computations of its own: what is right, what is missing, what is wrong.

In: a model type. Out: a Row of plain values. A cell is "yes", or a reason why not, or begins with WRONG.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from inspect import signature
from typing import Any

import numpy as np
import torch
from tests.sweeps.tiny_configs import NOT_TEXT, PROMPT_IDS, tiny_model
from transformers import AutoTokenizer

from tokenscope_trace import Trace
from tokenscope_trace.errors import TokenScopeError
from tokenscope_trace.inference.lens import Lens, NoLens
from tokenscope_trace.models.forward import Reader
from tokenscope_trace.models.loading import builtin_folder, describe
from tokenscope_trace.models.prompts import Prompt, Segment
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.settings import GenerationSettings, ReplaySettings, TreeSettings

YES, WRONG = "yes", "WRONG"
PROMPT_TOKENS = 24
SETTINGS = GenerationSettings(max_new_tokens=8, temperature=0, top_alternatives=5)
REPLAY = ReplaySettings(attention_top=6, lens=True, lens_layers="all")
TREE = TreeSettings(nodes=80, width=2, depth=2, length=5, min_prob=0.0)

SAME = 1e-5  # the same logits, reduced in float32 and in float64: nats, bits
HANDS_OUT_OTHERS = {"granite_swa", "granitemoe_swa"}  # weights as they were before the sinks took their share
NEAR = 1e-4  # the same distribution by another way through the model, in float32


@dataclass(frozen=True)
class Row:
    """What was found of one architecture. `engine` is that of the tree, `worst` the largest error that is no wrong one, nats."""

    kind: str
    model: str = ""
    builds: str = YES
    greedy: str = ""
    metrics: str = ""
    prompt: str = ""
    attention: str = ""
    lens: str = ""
    engine: str = ""
    branches: str = ""
    noise: float | None = None
    worst: float | None = None
    seconds: float = 0.0

    @property
    def wrong(self) -> bool:
        """Whether anything that was compared differs."""
        return any(str(value).startswith(WRONG) for value in asdict(self).values())


def check(kind: str) -> Row:
    """Build, record, compare; never raises but for what ends a process."""
    begin = time.perf_counter()
    try:
        model = tiny_model(kind)
    except Exception as error:
        return Row(kind, builds=NOT_TEXT.get(kind) or _said(error), seconds=time.perf_counter() - begin)
    row = Row(kind, type(model).__name__)
    try:
        row = _compared(row, model)
    except TokenScopeError as error:
        row = replace(row, greedy=str(error))
    except Exception as error:  # the recorder has to say it in a sentence of its own
        row = replace(row, greedy=f"{WRONG}: {_said(error)}")
    return replace(row, seconds=time.perf_counter() - begin)


@torch.no_grad()
def _compared(row: Row, model: Any) -> Row:
    loaded = describe(model, AutoTokenizer.from_pretrained(builtin_folder()), name="tiny")
    ids = torch.randint(*PROMPT_IDS, (PROMPT_TOKENS,), generator=torch.Generator().manual_seed(1)).tolist()
    prompt = Prompt(ids, "text", "-", (Segment("text", 0, len(ids)),), exact=True)
    trace = record(loaded, prompt, SETTINGS, tree=TREE, replay=REPLAY)
    written, logits = _generated(model, ids, SETTINGS.max_new_tokens)
    same = trace.nodes.token_id[trace.output].tolist() == written
    branches, error = _branches(model, trace)
    replay = trace.run["replay"] or {}
    return replace(
        row,
        greedy=YES if same else f"{WRONG}: other tokens",
        metrics=_metrics(trace, trace.output, logits, SAME) if same else "",
        prompt=_prompt(model, trace),
        attention=_attention(model, trace, row.kind),
        lens=_lens(model, trace),
        engine=trace.run["tree"]["engine"] or _missing(trace, "tree"),
        branches=branches,
        noise=replay.get("noise"),
        worst=error,
    )


def _missing(trace: Trace, stage: str) -> str:
    """Why a stage is missing, as the trace says it."""
    return "; ".join(entry["reason"] for entry in trace.run.get("missing") or () if entry["stage"] == stage) or "none"


def _generated(model: Any, ids: list[int], count: int, **more: Any) -> tuple[list[int], torch.Tensor]:
    """(the ids that `generate` writes greedily, their raw logits (N, V) in float64)."""
    asked = torch.tensor([ids])
    out = model.generate(
        asked, attention_mask=torch.ones_like(asked), max_new_tokens=count, min_new_tokens=count, do_sample=False,
        output_logits=True, return_dict_in_generate=True, **more,
    )  # fmt: skip
    return out.sequences[0, len(ids) :].tolist(), torch.cat(out.logits).double()


def _metrics(trace: Trace, nodes: Any, logits: torch.Tensor, tolerance: float) -> str:
    """Every number of some nodes against float64; ranks exactly, where nothing lies within the tolerance."""
    log_p = torch.log_softmax(logits, -1).numpy()
    p = np.exp(log_p)
    ids = trace.nodes.token_id[nodes]
    own = log_p[range(len(ids)), ids]
    best = -np.sort(-p, axis=-1)
    terms = p * np.where(p > 0, log_p, 0)
    expected = {
        "logprob": own,
        "entropy": -terms.sum(-1) / np.log(2),
        "margin": best[:, 0] - best[:, 1],
        "gap": log_p.max(-1) - own,
    }
    for name, values in expected.items():
        error = float(np.abs(getattr(trace.nodes, name)[nodes] - values).max())
        if not error <= tolerance * max(1.0, float(np.abs(values).max())):
            return f"{WRONG}: {name} by {error:.1e}"
    slack = 0 if tolerance <= SAME else tolerance
    rank = trace.nodes.rank[nodes]
    if not ((rank > (log_p > own[:, None] + slack).sum(-1)) & (rank <= 1 + (log_p > own[:, None] - slack).sum(-1))).all():
        return f"{WRONG}: rank"
    for row, node in enumerate(np.asarray(nodes).tolist()):
        rows = trace.alternatives_of(node)
        found = trace.alternatives.logprob[rows]
        if np.abs(found - log_p[row][trace.alternatives.token_id[rows]]).max() > tolerance * 20:
            return f"{WRONG}: alternatives"
        if np.abs(found - (-np.sort(-log_p[row]))[: len(found)]).max() > tolerance * 20:
            return f"{WRONG}: alternatives"
    return YES


def _prompt(model: Any, trace: Trace) -> str:
    """The prompt's numbers against what `generate` goes by after its beginnings, which hold nothing that follows."""
    ids = trace.nodes.token_id[trace.prompt].tolist()
    places = [1, 2, PROMPT_TOKENS // 3, PROMPT_TOKENS // 2 + 1, PROMPT_TOKENS - 1]
    if np.isnan(trace.nodes.logprob[trace.prompt][1:]).any():
        return _missing(trace, "prompt")
    logits = torch.cat([_generated(model, ids[:place], 1)[1] for place in places])
    nodes = np.asarray(trace.prompt)[places]
    found = _metrics(trace, nodes, logits, NEAR)
    if not found.startswith(WRONG):
        return found
    whole = Reader(model)(ids, range(len(ids)), use_cache=False)[0][[place - 1 for place in places]].double()
    own = float((torch.log_softmax(whole, -1) - torch.log_softmax(logits, -1)).abs().max())
    if own <= NEAR or _metrics(trace, nodes, whole, NEAR) != YES:
        return found
    return f"as one pass over the prompt says; over its beginnings the model itself says others, by up to {own:.1g} nats"


def _attention(model: Any, trace: Trace, kind: str) -> str:
    """The recorder checks that weights give the output; here they are compared with those that the model hands out, too."""
    absent = trace.run["attention"]["absent"]
    reasons = sorted({layer["reason"] for layer in absent})
    count = len(trace.attention)
    if not count:
        return "; ".join(reasons) or "none"
    error = None if kind in HANDS_OUT_OTHERS else _attention_error(model, trace)
    if error is not None and error > SAME:
        return f"{WRONG}: weights by {error:.1e}"
    return YES if not absent else f"{count} of {count + len(absent)} layers: {'; '.join(reasons)}"


def _attention_error(model: Any, trace: Trace) -> float | None:
    """The largest difference of a kept weight from the one that the model hands out, beyond its rounding; None where it hands out none."""
    config = model.config.get_text_config()
    before, config._attn_implementation = config._attn_implementation, "eager"
    try:
        ids = torch.tensor([trace.nodes.token_id[trace.main].tolist()])
        options = (
            {"position_ids": torch.arange(ids.shape[1])[None]}
            if "position_ids" in signature(model.forward).parameters
            else {}
        )
        full = model(input_ids=ids, output_attentions=True, use_cache=False, **options).attentions
        full = [layer[0].transpose(0, 1).double().numpy() for layer in full if layer is not None]
    except Exception:
        return None
    finally:
        config._attn_implementation = before
    if len(full) != len(trace.attention):
        full = [full[layer.layer] for layer in trace.attention if layer.layer < len(full)]
    errors = []
    for layer, weights in zip(trace.attention, full, strict=False):
        if weights.shape[:2] != layer.unkept.shape:
            return None
        width = min(layer.weights.shape[-1], weights.shape[-1])
        best = -np.sort(-weights, axis=-1)[..., :width]
        errors.append(float((np.abs(layer.weights[..., :width] - best) - np.sqrt(np.abs(best)) / 255 - 4e-6).max()))
    return max(errors, default=None)


def _lens(model: Any, trace: Trace) -> str:
    """Whether the recorder's lens over its last layer gives the model's own distribution on the recorded text."""
    if not trace.run["lens"]["layers"]:
        return str(trace.run["lens"]["reason"])
    try:
        lens = Lens(model)
    except NoLens as reason:
        return f"{WRONG}: recorded, and now {reason}"
    ids = torch.tensor([trace.nodes.token_id[trace.main].tolist()])
    last = len(lens.layers) - 1
    with lens.watching([last]) as states:
        logits, _ = Reader(model)(ids[0].tolist(), range(ids.shape[1]), use_cache=False)
    said = lens.opinions({last: states[last][:-1]}, ids[0, 1:])[last]
    exact = torch.log_softmax(logits[:-1].double(), -1).gather(1, ids[0, 1:, None])[:, 0]
    error = float((said.logprob - exact).abs().max())
    return YES if error <= NEAR * max(1.0, float(exact.abs().max())) else f"{WRONG}: last layer by {error:.1e}"


def _branches(model: Any, trace: Trace) -> tuple[str, float | None]:
    """(every branch's tokens and logprobs against `generate` of what stands before; the largest error, nats)."""
    found, worst = _branches_by(model, trace)
    if not found.startswith(WRONG):
        return found, worst
    uncached, error = _branches_by(model, trace, use_cache=False)
    if uncached != YES or worst is None:
        return found, worst
    return f"as without a cache; with one the model itself says others, by up to {worst:.1g} nats", error


def _branches_by(model: Any, trace: Trace, **more: Any) -> tuple[str, float | None]:
    tokens, wrong, worst = 0, 0, 0.0
    for first, count in zip(trace.branches.first.tolist(), trace.branches.count.tolist(), strict=True):
        before, after = trace.nodes.token_id[trace.path(first)].tolist(), trace.nodes.token_id[first + 1 : first + count]
        if not len(after):
            continue
        written, logits = _generated(model, before, len(after), **more)
        wrong += int((np.array(written) != after).sum())
        log_p = torch.log_softmax(logits, -1)[range(len(after)), torch.tensor(after.tolist())]
        worst = max(worst, float(np.abs(trace.nodes.logprob[first + 1 : first + count] - log_p.numpy()).max()))
        tokens += len(after)
    if wrong or worst > NEAR:
        return f"{WRONG}: {wrong} of {tokens} tokens, logprobs by {worst:.1e}", worst
    return (YES, worst) if tokens else ("none", None)


def _said(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:160] if lines else ''}"
