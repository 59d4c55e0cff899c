"""Provenance: what is needed to run a recording again, as lines of text. In: the facts of a run. Out: pairs of name and value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tokenscope_trace.text import visible_line

_SETTINGS = {
    "temperature": "temperature",
    "top_p": "top-p",
    "top_k": "top-k",
    "min_p": "min-p",
    "repetition_penalty": "repetition penalty",
    "seed": "seed",
}
_BOUNDS = {
    "nodes": "at most {:,} tokens",
    "width": "{} alternatives at a position",
    "depth": "{} forks above each other",
    "length": "{} tokens a branch",
    "extra": "{} more for likely decisions",
    "min_prob": "forced tokens of at least p {}",
    "temperature": "temperature {}",
}
_WAYS = {"continued": "from the prompt's cache", "whole": "in one pass"}
_EXACT = {False: "not spelled exactly by its tokens"}


def settings_text(sampling: dict[str, Any]) -> str:
    """How the tokens were chosen, such as `sampled, temperature 0.8, seed 7`."""
    if not sampling.get("do_sample"):
        return "greedy"
    chosen = [f"{label} {sampling[key]}" for key, label in _SETTINGS.items() if sampling.get(key) is not None]
    return visible_line(", ".join(["sampled", *chosen]))


def fact_rows(run: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What is needed to run it again, one line each; what is not known is left out."""
    model, prompt, sampling, clock = run["model"], run["prompt"], run["sampling"], run["clock"]
    files, score, replay = run.get("files"), run.get("score"), run.get("replay")
    seconds = clock.get("replay_seconds" if files else "decode_seconds")
    written = [] if files else [prompt.get("source"), prompt.get("kind"), _EXACT.get(prompt.get("exact", True))]
    rows: list[tuple[str, Any]] = [
        ("model", " at ".join(model[key] for key in ("id", "revision") if model.get(key))),
        ("size", _joined(_size(model))),
        ("computed", _joined(model.get(key) for key in ("dtype", "quantization", "device", "attention"))),
        ("weights", _labelled("sha256 ", model.get("weights_sha256"))),
        ("tokenizer", _labelled("sha256 ", model.get("tokenizer_sha256"))),
        ("prompt", _joined(written)),
        (
            "inexact",
            _labelled(
                "tokens do not spell exactly ",
                _joined(file["source"] for file in files or [] if not file.get("exact", True)),
            ),
        ),
        ("compared with", _joined(_compared(score))),
        ("context", _window(score)),
        (
            "sampling",
            "" if files else _joined([settings_text(sampling), _labelled("by ", _joined(sampling.get("processors") or []))]),
        ),
        ("stop", _joined(repr(stop) for stop in sampling.get("stop") or [])),
        ("redacted", _joined(run.get("redacted") or [])),
        ("tree", _joined(_tree(run.get("tree")))),
        ("check", _joined(_check(run.get("check")))),
        ("missing", _joined(f"{entry['stage']} ({entry['reason']})" for entry in run.get("missing") or [])),
        ("read again", _joined(_replay(replay)) if replay and not files else ""),
        ("command", " ".join(run["command"])),
        ("libraries", _joined(f"{name} {version}" for name, version in run["libraries"].items())),
        ("recorded", _joined([clock.get("created"), f"{seconds:.1f} s" if isinstance(seconds, float) else None])),
        ("written by", f"{run['generator'].get('name')} {run['generator'].get('version')}"),
    ]
    return ((name, visible_line(str(value))) for name, value in rows if value)


def _size(model: dict[str, Any]) -> Iterator[Any]:
    yield model.get("architecture")
    for key, label in {
        "parameters": "{:,} parameters",
        "vocab_size": "vocabulary of {:,}",
        "context": "context of {:,}",
    }.items():
        if isinstance(model.get(key), int):
            yield label.format(model[key])


def _tree(tree: Any) -> Iterator[str]:
    """The engine and the bounds of the branches."""
    if not isinstance(tree, dict):
        return
    if tree.get("engine"):
        yield str(tree["engine"]).replace("-", " ")
    for key, label in _BOUNDS.items():
        if isinstance(tree.get(key), int | float):
            yield label.format(tree[key])


def _check(check: Any) -> Iterator[str]:
    """The user's own command and its limits."""
    if isinstance(check, dict):
        yield str(check.get("command"))
        for key, label in {"timeout": "at most {:g} s", "memory": "at most {:,} MB"}.items():
            if isinstance(check.get(key), int | float):
                yield label.format(check[key])


def _compared(score: Any) -> Iterator[Any]:
    if isinstance(score, dict):
        yield score.get("revision")
        yield _labelled("commit ", score.get("commit") or "")


def _window(score: Any) -> str:
    window = score.get("window") if isinstance(score, dict) else None
    return f"at most {window:,} tokens before each token of a file" if isinstance(window, int) else ""


def _replay(replay: dict[str, Any]) -> Iterator[str]:
    yield _WAYS.get(str(replay.get("way")), "")
    noise = replay.get("noise")
    if isinstance(noise, int | float):
        figure = f"{noise:.1e}".replace("e-0", "e-") if noise else "0"
        yield f"with at most {figure} nats difference"


def _joined(parts: Iterable[Any]) -> str:
    return ", ".join(str(part) for part in parts if part)


def _labelled(label: str, value: Any) -> str:
    return f"{label}{value}" if value else ""
