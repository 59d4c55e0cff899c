"""The internals of a model that a recording looks at, and what a trace says about them. Settings in, probes and facts out; runs no
pass of a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenscope_trace.errors import ModelError
from tokenscope_trace.failures import MEMORY
from tokenscope_trace.inference.attention import AttentionTap
from tokenscope_trace.inference.lens import Lens, NoLens
from tokenscope_trace.models.configuration import layer_count
from tokenscope_trace.settings import ReplaySettings
from tokenscope_trace.traces.layers import LayerAttention, LayerLens


@dataclass(frozen=True)
class Probes:
    """What a pass is asked for beside its logits: attention, and the lens of some layers, ascending."""

    tap: AttentionTap | None = None
    lens: Lens | None = None
    lens_layers: tuple[int, ...] = ()

    @property
    def below(self) -> tuple[int, ...]:
        """The lens's layers but the last one of the model: that one says what the logits say."""
        last = len(self.lens.layers) - 1 if self.lens is not None else -1
        return tuple(layer for layer in self.lens_layers if layer != last)


class Inside:
    """The probes of one model for what was asked; raises ModelError where a layer is asked for that it has not."""

    def __init__(self, model: Any, settings: ReplaySettings | None) -> None:
        settings = settings or ReplaySettings(attention_top=0)
        self._settings = settings
        self._config = model.config.get_text_config()
        self._count = layer_count(model)
        tap, lens, self._no_lens = None, None, None
        if settings.attention_top:
            self._check(settings.attention_layers, "--attention-layers")
            layers = settings.attention_layers
            tap = AttentionTap(model, settings.attention_top, None if layers is None else frozenset(layers))
        if settings.lens:
            if settings.lens_layers != "all":
                self._check(settings.lens_layers, "--lens-layers")
            try:
                lens = Lens(model)
            except NoLens as reason:
                self._no_lens = f"{reason}."
        self._tap = tap
        self.probes = Probes(tap, lens, settings.lens_of(self._count) if lens is not None else ())

    def give_up(self, reason: str) -> str | None:
        """Look at less from now on, for this reason: first no lens any more, then no attention. The name of what goes, None where
        nothing is left.
        """
        if self.probes.lens is not None:
            self._no_lens = f"{reason}."
            self.probes = Probes(self.probes.tap)
            return "lens"
        if self.probes.tap is not None:
            self.probes.tap.give_up(reason)
            self.probes = Probes()
            return "attention"
        return None

    def unseen(self, reason: str) -> None:
        """Nothing was looked at, for this reason."""
        if self.probes.tap is not None:
            self.probes.tap.give_up(reason)

    @property
    def spared(self) -> bool:
        """Whether a layer's attention was left out because the memory did not suffice."""
        return self.probes.tap is not None and MEMORY in self.probes.tap.reasons().values()

    def facts(
        self, attention: Sequence[LayerAttention], lens: Sequence[LayerLens], queries: int, unread: str | None = None
    ) -> dict[str, Any]:
        """`run.attention` and `run.lens` of what was found over `queries` tokens; `unread` is why nothing was read, if so."""
        facts: dict[str, Any] = {"attention": None, "lens": None}
        if self._tap is not None:
            facts["attention"] = {
                "top": self._tap.top,
                "queries": queries if attention else 0,
                "absent": self._absent({layer.layer for layer in attention}, unread),
            }
        if self._settings.lens:
            facts["lens"] = {
                "layers": [layer.layer for layer in lens],
                "first": lens[0].first if lens else 0,
                "count": len(lens[0].rank) if lens else 0,
                "reason": self._no_lens if self._no_lens or lens else "nothing was read with it.",
            }
        return facts

    def _absent(self, found: set[int], unread: str | None) -> list[dict[str, Any]]:
        """The layers without rows, each with its reason."""
        tap = self._tap
        assert tap is not None
        asked = self._settings.attention_layers
        reasons = tap.reasons()
        kinds = getattr(self._config, "layer_types", None) or []
        missing = [number for number in (range(self._count) if asked is None else asked) if number not in found]
        return [
            {
                "layer": number,
                "reason": tap.given_up
                or unread
                or reasons.get(number)
                or f"it computes no softmax attention{_kind(kinds, number)}",
            }
            for number in missing
        ]

    def _check(self, layers: tuple[int, ...] | None, option: str) -> None:
        beyond = [layer for layer in layers or () if layer >= self._count]
        if beyond:
            raise ModelError(
                f"{option} names layer {beyond[0]}, and this model has {self._count} layers, 0 to {self._count - 1}."
            )


def _kind(kinds: Sequence[str], number: int) -> str:
    return f" ({str(kinds[number]).replace('_', ' ')})" if number < len(kinds) else ""
