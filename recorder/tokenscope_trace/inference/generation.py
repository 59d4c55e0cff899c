"""Generation of the main path: transformers' own, watched.

In: a model, prompt ids, settings. Out: the ids it wrote, with the metrics of each, and those of the prompt. Knows no text
and no trace.

`generate(custom_generate=...)` is a documented hook: transformers prepares the configuration, the logits processors, the
stopping criteria and the cache as ever, and hands them to us. We hand them on to its own sampling loop, with the processors
wrapped: the wrapper sees the very logits that decide each token, and what the processors make of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import StoppingCriteria, StoppingCriteriaList, StopStringCriteria

from tokenscope_trace.errors import ModelError, TokenScopeError
from tokenscope_trace.failures import NOT_FINITE, Missing, OnMissing, is_memory, reason_of, released
from tokenscope_trace.inference.generation_rules import own_stop_strings, rules_of
from tokenscope_trace.inference.metrics import Measured, Meter, concatenate, log_softmax_at
from tokenscope_trace.inference.sampling import BranchDecoding
from tokenscope_trace.models.head import PromptStates
from tokenscope_trace.models.placement import input_device
from tokenscope_trace.models.refusals import words_of
from tokenscope_trace.progress import OnToken, ShouldStop, warn_of_errors
from tokenscope_trace.settings import GenerationSettings


@dataclass(frozen=True)
class Generated:
    """What came out of one generation. Axis letters: P prompt tokens, N new tokens, K alternatives.

    `prompt` measures prompt tokens 1..P-1 (nothing predicted the first) and is None where P is 1 or the user did not
    wait for it; `output` measures the N new ones and is None where N is 0. `sampled_logprob` (N,) and
    `sampled_top_logprobs` (N, K) are ln q of the tokens and of their alternatives, NaN where q is p.
    """

    output_ids: list[int]
    output: Measured | None
    sampled_logprob: Tensor
    sampled_top_logprobs: Tensor
    prompt: Measured | None
    processors: list[str]
    sampling: dict[str, Any]
    finish: str
    prefill_seconds: float
    decode_seconds: float
    notes: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()  # the strings in force, the model's own where none were asked for
    cache: Any = None  # what decoding left behind, as transformers made it; None where decoding failed


Completed = Callable[[Sequence[int]], bool]
OnPart = Callable[[Callable[[], Generated]], None]


@dataclass(frozen=True)
class _Step:
    """One token: its id (1,), its metrics (one row), and ln q of it and of its alternatives (1 + K,)."""

    token: Tensor
    measured: Measured
    sampled: Tensor


class _Recorder(StoppingCriteria):  # type: ignore[misc]
    """Stands in the sampling loop: called as its logits processors before each choice, as a criterion after it."""

    def __init__(
        self,
        processors: Any,
        meter: Meter,
        on_token: OnToken,
        should_stop: ShouldStop,
        on_step: Callable[[_Recorder], None],
        completed: Completed,
    ) -> None:
        self.processors = processors
        self.meter = meter
        self.on_token = on_token
        self.should_stop = should_stop
        self.on_step = on_step
        self.completed = completed
        self.ids: list[int] = []
        self.is_complete = False
        self.steps: list[_Step] = []  # grows by whole steps: an interruption may come between any two lines
        self.first_logits: Tensor | None = None
        self.first_time = 0.0
        self._raw: Tensor | None = None
        self._processed: Tensor | None = None

    def process(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The loop's logits processors: (1, V) float32 raw logits in, processed scores out."""
        if self.first_logits is None:
            self.first_time = time.perf_counter()
            self.first_logits = scores[0].clone()
        self._raw = scores
        # A processor may work in place: it gets a copy, so that what is measured is what the model said.
        processed = self.processors(input_ids, scores.clone()) if len(self.processors) else scores
        self._processed = processed
        assert isinstance(processed, Tensor)
        return processed

    @property
    def overflowed(self) -> bool:
        """Whether no token can be chosen from the last logits."""
        return self._raw is not None and bool(torch.isnan(self._raw).any())

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:  # noqa: ARG002 - the signature is transformers'
        """The loop's last stopping criterion: measures the token that was just chosen."""
        raw, processed = self._raw, self._processed
        assert raw is not None
        assert processed is not None
        token = input_ids[:, -1]
        row = self.meter.measure(raw, token)
        ids = torch.cat([token, row.top_ids[0]])
        if processed is raw or torch.equal(processed, raw):
            sampled = torch.full(ids.shape, torch.nan, dtype=torch.float32, device=ids.device)
        else:
            sampled = log_softmax_at(processed[0].float(), ids)
        self.steps.append(_Step(token, row, sampled))
        self.on_token(len(self.steps))
        self.on_step(self)
        self.ids.append(int(token))
        self.is_complete = self.completed(self.ids)
        ends = self.is_complete or self.should_stop()
        return torch.full((len(input_ids),), ends, dtype=torch.bool, device=input_ids.device)


@torch.no_grad()
def generate(
    model: Any,
    tokenizer: Any,
    prompt_ids: list[int],
    settings: GenerationSettings,
    *,
    extra_eos: tuple[int, ...] = (),
    on_token: OnToken = lambda _count: None,
    should_stop: ShouldStop = lambda: False,
    reading_prompt: AbstractContextManager[Any] | None = None,
    on_part: OnPart = lambda _part: None,
    on_missing: OnMissing = warn_of_errors,
    completed: Completed = lambda _ids: False,
) -> Generated:
    """Decode the main path as `model.generate` would, and measure it. It ends, too, where its ids have `completed` what was to be written.

    `prompt_ids` has P >= 1 ids; `extra_eos` are ids that end the output beside the model's own. The pass that reads the prompt
    runs inside `reading_prompt`. The global torch random state is left as it was. A KeyboardInterrupt ends the output where it
    stands, and so does any error once there is a token; `on_missing` is told. `on_part` is offered what there is after each token.

    Raises ModelError where there is no first token to be had, whatever the reason is, but for a memory that is full.
    """
    ids = torch.tensor([prompt_ids], device=input_device(model))
    context: dict[str, Any] = {}

    def decode(
        model: Any,
        input_ids: Tensor,
        *,
        logits_processor: Any,
        stopping_criteria: Any,
        generation_config: Any,
        **kwargs: Any,
    ) -> Any:
        recorder = _Recorder(logits_processor, Meter(settings.top_alternatives), on_token, should_stop, offer, completed)
        context.update(recorder=recorder, config=generation_config, cache=kwargs.get("past_key_values"))
        context["begin"] = time.perf_counter()
        criteria = StoppingCriteriaList([*stopping_criteria, recorder])
        return type(model)._sample(
            model,
            input_ids,
            logits_processor=recorder.process,
            stopping_criteria=criteria,
            generation_config=generation_config,
            **kwargs,
        )

    def offer(recorder: _Recorder) -> None:
        on_part(lambda: _gathered(ids, recorder, recorder.steps[:], context, stop, interrupted=True))

    with _beginning():
        rules = rules_of(model.generation_config, settings, extra_eos)
        context["notes"] = rules.notes
        context["stop"] = settings.stop or tuple(own_stop_strings(model.generation_config))
        stop = _stop_criteria(tokenizer, context["stop"])
    interrupted = False
    failure: Missing | None = None
    length: int | None = None
    states = PromptStates(model)
    device = input_device(model)
    cuda = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda), states, _first_pass(model, reading_prompt or nullcontext()):
        torch.manual_seed(settings.seed)
        try:
            sequence = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                custom_generate=decode,
                stopping_criteria=stop,
                **rules.options,
            )
            length = sequence.shape[1] - ids.shape[1]  # some devices run one step ahead and take it back
        except KeyboardInterrupt:
            interrupted = True
        except Exception as error:
            known: _Recorder | None = context.get("recorder")
            if known is None or not known.steps:
                with _beginning(overflowed=known is not None and known.overflowed):
                    raise
            overflowed = known.overflowed
            failure = Missing("generation", NOT_FINITE if overflowed else reason_of(error))
            on_missing(failure, None if overflowed else error)
            context["cache"] = None  # it may be half written, and the memory is wanted
            released(error)
    recorder: _Recorder | None = context.get("recorder")
    if recorder is None or not recorder.steps:
        raise KeyboardInterrupt
    steps = recorder.steps[:length]
    finite = _finite(concatenate([step.measured for step in steps]))
    if finite < len(steps):
        check_finite(steps[0].measured, "output")
        steps, interrupted = steps[:finite], True
        if failure is None:
            failure = Missing("generation", NOT_FINITE)
            on_missing(failure, None)
    context["end"] = time.perf_counter()
    ended = interrupted or failure is not None
    generated = _gathered(ids, recorder, steps, context, stop, interrupted=ended or should_stop())
    if ended:
        return generated
    prompt = _measure_prompt(states, ids, recorder, settings.top_alternatives, on_missing)
    return replace(generated, prompt=prompt)


@contextmanager
def _beginning(*, overflowed: bool = False) -> Iterator[None]:
    """Whatever is raised in this block, before there is a token, is one sentence; a full memory is told as such elsewhere."""
    try:
        yield
    except TokenScopeError:
        raise
    except Exception as error:
        if is_memory(error):
            raise
        if overflowed:
            raise ModelError(_not_finite("output", 1)) from error
        raise ModelError(
            f"the model writes no first token, by its generation config and these settings: {words_of(error)}."
        ) from error


def _gathered(
    ids: Tensor, recorder: _Recorder, steps: list[_Step], context: dict[str, Any], stop: Any, *, interrupted: bool
) -> Generated:
    """What came of these steps; the prompt's tokens are not measured."""
    output_ids = torch.cat([step.token for step in steps]).tolist()
    sampled = torch.stack([step.sampled for step in steps])
    return Generated(
        output_ids=output_ids,
        output=concatenate([step.measured for step in steps]),
        sampled_logprob=sampled[:, 0],
        sampled_top_logprobs=sampled[:, 1:],
        prompt=None,
        processors=[_describe(processor) for processor in recorder.processors],
        sampling=_sampling_facts(context["config"]),
        stop=context["stop"],
        finish=_finish(ids, output_ids, context, interrupted=interrupted, stop=stop, complete=recorder.is_complete),
        prefill_seconds=recorder.first_time - context["begin"],
        decode_seconds=context.get("end", time.perf_counter()) - recorder.first_time,
        notes=context["notes"],
        cache=context["cache"],
    )


@contextmanager
def _first_pass(model: Any, inside: AbstractContextManager[Any]) -> Iterator[None]:
    """Leaves the context `inside` after the model's first forward pass."""
    stack = ExitStack()
    stack.enter_context(inside)
    handle = model.register_forward_hook(lambda *_: stack.close())
    try:
        yield
    finally:
        stack.close()
        handle.remove()


@torch.no_grad()
def branch_decoding(
    model: Any,
    prompt_ids: list[int],
    settings: GenerationSettings,
    temperature: float,
    extra_eos: tuple[int, ...] = (),
) -> BranchDecoding:
    """How branches of this prompt are decoded: as its main path, but greedy, or with a temperature of their own.

    transformers prepares the processors as for a generation that never begins.
    """
    prepared: dict[str, Any] = {}

    def prepare(_model: Any, input_ids: Tensor, *, logits_processor: Any, generation_config: Any, **_: Any) -> Tensor:
        prepared.update(processors=logits_processor, config=generation_config)
        return input_ids

    greedy = replace(settings, temperature=0.0, top_p=None, top_k=None, min_p=None)
    chosen = greedy if temperature == 0 else replace(settings, temperature=temperature)
    ids = torch.tensor([prompt_ids], device=input_device(model))
    rules = rules_of(model.generation_config, chosen, extra_eos)
    model.generate(ids, attention_mask=torch.ones_like(ids), custom_generate=prepare, **rules.options)
    eos = prepared["config"].eos_token_id
    return BranchDecoding(
        processors=prepared["processors"],
        sampled=temperature != 0,
        ends=frozenset([eos] if isinstance(eos, int) else eos or []),
        stop=tuple(text.encode() for text in settings.stop or own_stop_strings(model.generation_config)),
        seed=settings.seed,
    )


def _measure_prompt(
    states: PromptStates, ids: Tensor, recorder: _Recorder, alternatives: int, on_missing: OnMissing
) -> Measured | None:
    """The numbers of the prompt's tokens but the first. The output is worth more: whatever goes wrong costs these alone."""
    if ids.shape[1] < 2:
        return None
    assert recorder.first_logits is not None
    meter = Meter(alternatives)
    blocks, place = [], 1
    try:
        for logits in states.logits(ids, recorder.first_logits):
            blocks.append(meter.measure(logits, ids[0, place : place + len(logits)]))
            place += len(logits)
        measured = concatenate(blocks)
    except (Exception, KeyboardInterrupt) as error:
        on_missing(Missing("prompt", reason_of(error)), error)
        released(error)
        return None
    if _finite(measured) < len(measured.logprob):
        on_missing(Missing("prompt", NOT_FINITE), None)
        return None
    return measured


def _finite(measured: Measured) -> int:
    """How many rows, from the first on, have only numbers."""
    broken = _broken(measured)
    return int(broken.int().argmax()) if bool(broken.any()) else len(broken)


def _broken(measured: Measured) -> Tensor:
    """Which rows have a number that is NaN."""
    return torch.isnan(measured.entropy) | torch.isnan(measured.logprob) | torch.isnan(measured.margin)


def check_finite(measured: Measured, what: str) -> None:
    """Raises ModelError where a number is NaN; `what` names the tokens, as in `output`."""
    broken = _broken(measured)
    if bool(broken.any()):
        place = int(broken.nonzero()[0])
        raise ModelError(_not_finite(what, place + 1))


def _not_finite(what: str, number: int) -> str:
    return (
        f"the model's logits are not finite at {what} token {number}; its dtype may overflow, try --dtype float32, or its weights hold such "
        "numbers."
    )


def _stop_criteria(tokenizer: Any, stop: tuple[str, ...]) -> Any:
    return StoppingCriteriaList([StopStringCriteria(tokenizer, list(stop))] if stop else [])


def _finish(
    ids: Tensor, output_ids: list[int], context: dict[str, Any], *, interrupted: bool, stop: Any, complete: bool
) -> str:
    """Why the output ended, asked of the criteria that ended it."""
    eos = context["config"].eos_token_id
    if eos is not None and output_ids[-1] in ([eos] if isinstance(eos, int) else eos):
        return "end-of-text"
    whole = torch.cat([ids, torch.tensor([output_ids], device=ids.device)], dim=1)
    if any(bool(criterion(whole, None)) for criterion in stop):
        return "stop-string"
    if complete:
        return "unit"
    if whole.shape[1] >= context["config"].max_length:
        return "length"
    assert interrupted, "generation ended for no known reason"
    return "interrupted"


def _describe(processor: Any) -> str:
    """A logits processor as `TemperatureLogitsWarper(temperature=0.8)`: its class and its plain settings."""
    plain = {
        name: value for name, value in vars(processor).items() if isinstance(value, int | float | str) and name[0] != "_"
    }
    shown = {name: value for name, value in plain.items() if name not in ("filter_value", "min_tokens_to_keep")}
    return f"{type(processor).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def _sampling_facts(config: Any) -> dict[str, Any]:
    """What was in force; None where it was not, or changes nothing."""
    idle = {"temperature": (), "top_p": (1.0,), "top_k": (0,), "min_p": (0.0,)}
    facts: dict[str, Any] = {"do_sample": bool(config.do_sample)}
    for name, values in idle.items():
        value = getattr(config, name, None) if config.do_sample else None
        facts[name] = None if value in values else value
    penalty = config.repetition_penalty
    return {**facts, "repetition_penalty": None if penalty in (None, 1.0) else float(penalty)}
