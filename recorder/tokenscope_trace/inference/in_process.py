"""The back end in this process: a model that transformers has loaded. The first of those that models/backend.py describes."""

from __future__ import annotations

import copy
import logging
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import huggingface_hub
import numpy as np
import tokenizers
import torch
import transformers

from tokenscope_trace.failures import OnMissing
from tokenscope_trace.inference.branching import LocalBranching
from tokenscope_trace.inference.context_cost import seconds_per_token_before
from tokenscope_trace.inference.generation import Generated, branch_decoding, generate
from tokenscope_trace.inference.internals import Inside
from tokenscope_trace.inference.metrics import rows_of
from tokenscope_trace.inference.replay import can_continue, read_again
from tokenscope_trace.inference.scoring import TextReader
from tokenscope_trace.models.backend import MainPath, OnOutput, Output, Replayed
from tokenscope_trace.models.chat_template import turn_ends
from tokenscope_trace.models.configuration import shape_of
from tokenscope_trace.models.control_tokens import literal_ids
from tokenscope_trace.models.footprint import Shape
from tokenscope_trace.models.loading import LoadedModel, load
from tokenscope_trace.models.memory import held_bytes
from tokenscope_trace.models.placement import input_device
from tokenscope_trace.models.prompts import Prompt, encode_prompt, file_ends
from tokenscope_trace.models.token_bytes import Speller
from tokenscope_trace.progress import Watcher
from tokenscope_trace.settings import GenerationSettings, ModelSettings, PromptText, ReplaySettings

WAVE = 64  # branches that advance together: more gain little on a processor
WAVE_ON_ACCELERATOR = 128


def load_quietly(settings: ModelSettings) -> InProcess:
    """A model and the back end that runs it; the libraries say nothing on the way. Raises ModelError."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    huggingface_hub.utils.logging.set_verbosity_error()
    for library in ("accelerate", "bitsandbytes"):  # a warning for every product of every step
        logging.getLogger(library).setLevel(logging.ERROR)
    return InProcess(load(settings))


def is_device(name: str) -> bool:
    """Whether torch has the device of this name."""
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError):
        return False
    return True


class TokenizerVocabulary(Speller):
    """See Vocabulary: the tokens of a tokenizer, of which the model has `size`."""

    def __init__(self, tokenizer: Any, size: int) -> None:
        super().__init__(tokenizer)
        self.size = size

    def file_ends(self) -> tuple[int, ...]:
        """See Vocabulary."""
        return file_ends(self._tokenizer)

    def turn_ends(self) -> tuple[int, ...]:
        """See Vocabulary."""
        return turn_ends(self._tokenizer)

    def ids_of(self, text: str) -> list[int]:
        """See Vocabulary."""
        return literal_ids(self._tokenizer, text)

    def encode(self, prompt: PromptText) -> Prompt:
        """See Vocabulary."""
        return encode_prompt(self._tokenizer, prompt)


class InProcess:
    """See Backend."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self.context, self.facts, self.notes = loaded.context, loaded.facts, loaded.notes
        self.shape: Shape | None = shape_of(loaded.model)
        self.width = WAVE if input_device(loaded.model).type == "cpu" else WAVE_ON_ACCELERATOR

    def environment(self) -> dict[str, Any]:
        """See Backend."""
        device = self._loaded.model.device
        return {
            "libraries": {
                "python": platform.python_version(),
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                "tokenizers": tokenizers.__version__,
                "numpy": np.__version__,
            },
            "machine": {
                "system": platform.system(),
                "processor": platform.machine(),
                "vectors": torch.backends.cpu.get_cpu_capability(),
                "accelerator": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
                "threads": torch.get_num_threads(),
                "matmul": torch.get_float32_matmul_precision(),
            },
        }

    def vocabulary(self) -> TokenizerVocabulary:
        """See Backend."""
        return TokenizerVocabulary(self._loaded.tokenizer, int(self.facts["vocab_size"]))

    def begin(self, replay: ReplaySettings | None) -> LocalSession:
        """See Backend."""
        return LocalSession(self._loaded, replay)

    @contextmanager
    def endless(self) -> Iterator[None]:
        """See Backend."""
        model = self._loaded.model
        own = model.generation_config
        model.generation_config = copy.copy(own)
        model.generation_config.eos_token_id = model.generation_config.stop_strings = None
        try:
            yield
        finally:
            model.generation_config = own

    def held_bytes(self) -> int | None:
        """See Backend: where the model takes its tokens."""
        return held_bytes(input_device(self._loaded.model))

    def seconds_per_token_before(
        self, ids: Sequence[int], width: int, short: int, long: int, clock: Callable[[], float]
    ) -> float:
        """See Backend."""
        return seconds_per_token_before(self._loaded.model, ids, width, short, long, clock)


class LocalSession(Inside):
    """See ModelSession. Between its calls it keeps the cache of decoding, where that can be cut back, and the one of the replay."""

    def __init__(self, loaded: LoadedModel, replay: ReplaySettings | None) -> None:
        super().__init__(loaded.model, replay)
        self._loaded, self._model = loaded, loaded.model
        texts = TextReader(loaded.model, self)
        self.score, self.scored_layers = texts.read, texts.layers
        self._decoded: Any = None
        self._replayed: Any = None

    def generate(
        self,
        prompt: Prompt,
        settings: GenerationSettings,
        watcher: Watcher,
        on_part: OnOutput,
        on_missing: OnMissing,
        completed: Callable[[Sequence[int]], bool] = lambda _ids: False,
    ) -> Output:
        """See ModelSession."""
        tap = self.probes.tap
        goes_on = can_continue(self._model) and (tap is None or not tap.handed_out)
        generated = generate(
            self._model,
            self._loaded.tokenizer,
            prompt.ids,
            settings,
            extra_eos=prompt.extra_eos,
            on_token=watcher.on_token,
            should_stop=watcher.should_stop,
            reading_prompt=tap.watching(0) if tap is not None and goes_on else None,
            on_part=lambda part: on_part(lambda: _output(part())),
            on_missing=on_missing,
            completed=completed,
        )
        self._decoded = generated.cache if goes_on else None
        return _output(generated)

    def replay(self, main: MainPath, watcher: Watcher, on_missing: OnMissing) -> Replayed:
        """See ModelSession."""
        cache, self._decoded = self._decoded, None
        found, self._replayed = read_again(
            self._model,
            main.ids,
            main.prompt,
            main.rows.logprob,
            cache,
            self,
            on_read=watcher.on_read,
            should_stop=watcher.should_stop,
            on_missing=on_missing,
        )
        return found

    def branching(
        self, main: MainPath, prompt: Prompt, settings: GenerationSettings, temperature: float, wave: int
    ) -> LocalBranching:
        """See ModelSession."""
        decoding = branch_decoding(self._model, prompt.ids, settings, temperature, prompt.extra_eos)
        return LocalBranching(self._model, main, decoding, wave, self._replayed)

    def forget(self) -> None:
        """See ModelSession."""
        self._decoded = self._replayed = None


def _output(generated: Generated) -> Output:
    assert generated.output is not None
    sampled = torch.cat([generated.sampled_logprob[:, None], generated.sampled_top_logprobs], dim=1)
    return Output(
        ids=generated.output_ids,
        rows=rows_of(generated.output, sampled),
        prompt=None if generated.prompt is None else rows_of(generated.prompt),
        processors=generated.processors,
        sampling={**generated.sampling, "stop": list(generated.stop)},
        finish=generated.finish,
        prefill_seconds=generated.prefill_seconds,
        decode_seconds=generated.decode_seconds,
        notes=generated.notes,
    )
