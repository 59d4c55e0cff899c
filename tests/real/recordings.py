"""Recordings of real models, each made once and kept in `.real/recordings/` under a name that has a hash of all that made it: its
settings, the packages, and the recorder's own sources. What reports and compares is no part of that. A new one takes the old one's place.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from tests.support import real_models

import tokenscope_trace as ts
from tokenscope_trace.settings import GenerationSettings, ReplaySettings, TreeSettings, Until

RECORDER = real_models.ROOT / "recorder" / "tokenscope_trace"
_BESIDE = {"reports", "comparison", "cli", "estimates", "privacy"}  # packages that no recording depends on
_KEY = 16  # digits of a hash in a file's name
STOPS = ("\ndef ", "\nclass ", "\nif __name__", "\nprint(")
_MODELS: dict[str, Callable[[], Path]] = {"smollm2": real_models.smollm2, "gemma3": real_models.gemma3}


@dataclass(frozen=True)
class Setting:
    """A recording to be made, greedily in float32: a prompt that is continued, or with `chat` a user's message. With `again` the output is
    read again, which measures the noise.
    """

    name: str
    model: str
    prompt: str
    source: str
    chat: bool = False
    stop: tuple[str, ...] = ()
    until: Until | None = None
    max_new_tokens: int = 128
    tree_nodes: int = 512
    check: str | None = None
    again: bool = False

    @property
    def file(self) -> Path:
        """Where it is kept."""
        pins = real_models.THINGS[self.model].pins.read_bytes()
        key = hashlib.sha256(repr(sorted(asdict(self).items())).encode() + pins + _sources()).hexdigest()[:_KEY]
        return real_models.CACHE / "recordings" / f"{self.name}-{key}.tsc"


@cache
def _sources() -> bytes:
    """A hash of the sources that a recording depends on, and of what runs the model."""
    versions = [importlib.metadata.version(package) for package in ("torch", "transformers")]
    found = hashlib.sha256(repr((versions, inspect.getsource(_record))).encode())
    for path in sorted(RECORDER.rglob("*.py")):
        if path.relative_to(RECORDER).parts[0] not in _BESIDE:
            found.update(path.relative_to(RECORDER).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.digest()


@cache
def loaded(model: str) -> ts.LoadedModel:
    """A model in memory, once a process."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    return ts.load_model(_MODELS[model](), device="cpu")


def recorded(setting: Setting) -> ts.Trace:
    """The recording, made now if it is not there; interrupted, it leaves nothing. Raises NotMade and KeyboardInterrupt."""
    with real_models.alone("recording"):
        if not setting.file.is_file():
            trace = _record(setting)
            setting.file.parent.mkdir(exist_ok=True)
            for old in setting.file.parent.glob(f"{setting.name}-{'?' * _KEY}.tsc"):
                old.unlink()
            trace.save(setting.file)
    return ts.Trace.load(setting.file)


def _record(setting: Setting) -> ts.Trace:
    return ts.record(
        loaded(setting.model),
        setting.prompt,
        source=setting.source,
        chat=setting.chat,
        generation=GenerationSettings(
            max_new_tokens=setting.max_new_tokens, temperature=0, stop=setting.stop, until=setting.until
        ),
        tree=TreeSettings(nodes=setting.tree_nodes),
        replay=ReplaySettings() if setting.again else None,
        check=setting.check,
    )


def human_eval(number: int, **changes: object) -> Setting:
    """A task of HumanEval for the base model, with the stop strings that harnesses give, unless `changes` say otherwise. A line break at
    the prompt's end would say that no indentation follows.
    """
    name = f"he{number:03}"
    prompt = real_models.human_eval()[name].prompt.rstrip()
    return Setting(**{"name": name, "model": "gemma3", "prompt": prompt, "source": f"{name}.py", "stop": STOPS} | changes)  # type: ignore[arg-type]


def chat(name: str, message: str, **changes: object) -> Setting:
    """A message for the chat model."""
    return Setting(**{"name": name, "model": "smollm2", "prompt": message, "source": f"{name}.md", "chat": True} | changes)  # type: ignore[arg-type]
