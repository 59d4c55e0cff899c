"""One training run: full-precision weights, their bf16 copy, optimizers, data, clock."""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path
from typing import Any

import blocked_attention
import torch
from batches import Batches
from fused_loss import next_token_loss
from optimizer import build_optimizers
from schedule import rate_factor, window_length
from shape import model_config
from tokenizer_training import HOLE_IDS
from torch import Tensor
from transformers import LlamaForCausalLM

CLIP = 1.0  # norm of all gradients


def fresh_model(options: argparse.Namespace) -> LlamaForCausalLM:
    """Random weights; what a layer adds to the stream starts at zero."""
    torch.manual_seed(options.seed)
    config = model_config(options.hidden, options.layers, options.heads, options.groups, options.inner)
    model = LlamaForCausalLM(config)
    for layer in model.model.layers:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    return model


def first_model(options: argparse.Namespace) -> LlamaForCausalLM:
    """Where the run starts: the weights it was given, or random ones."""
    if options.start_from is None:
        return fresh_model(options)
    return LlamaForCausalLM.from_pretrained(options.start_from, dtype=torch.float32)


def loss_of(model: LlamaForCausalLM, inputs: Tensor, targets: Tensor, body: Any = None) -> Tensor:
    """Mean loss in nats; inputs and targets of shape (batch, length); `body` stands for the model's own, compiled."""
    hidden = (model.model if body is None else body)(input_ids=inputs, use_cache=False).last_hidden_state
    # The tokens around a hole are always given, never written: a window that begins inside a piece must not teach them.
    never = torch.tensor([-1, *HOLE_IDS], device=targets.device)
    return next_token_loss(hidden.flatten(0, 1), model.lm_head.weight, targets.flatten(), never)


class TrainingRun:
    """`step` trains on one batch, `save` and `resume` keep everything that `step` changes."""

    def __init__(self, options: argparse.Namespace, servers: dict[int, Batches], checkpoint: Path) -> None:
        self.options = options
        self.servers = servers
        self.checkpoint = checkpoint
        # The optimizers move `master` in full precision; `model` is the bf16 copy that computes.
        self.master = first_model(options).to(options.device)
        self.model = copy.deepcopy(self.master).to(torch.bfloat16)
        if options.device == "cpu":
            self.model.set_attn_implementation(blocked_attention.NAME)
        # Fused layers help on a GPU; on two CPU cores they were not faster.
        self.body = torch.compile(self.model.model) if options.compile else None
        self.pairs = list(zip(self.master.parameters(), self.model.parameters(), strict=True))
        self.optimizers = build_optimizers(self.master, options.matrix_lr, options.other_lr)
        self.peaks = [[group["lr"] for group in o.param_groups] for o in self.optimizers]
        self.steps = 0
        self.tokens = 0
        self.average_loss = math.nan
        self.validation: list[tuple[int, float]] = []  # (step, bits per byte)
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds of training so far, earlier parts of a resumed run included."""
        return time.monotonic() - self._began

    @property
    def done(self) -> float:
        """Share of the time budget that is used up."""
        minutes: float = self.options.minutes
        return self.elapsed / (minutes * 60)

    @property
    def parameters(self) -> int:
        """Number of weights, the shared embedding counted once."""
        return sum(full.numel() for full, _ in self.pairs)

    def step(self) -> None:
        """Train on one batch."""
        factor = rate_factor(self.done)
        for optimizer, rates in zip(self.optimizers, self.peaks, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        window = window_length(self.done)
        inputs, targets = self.servers[window].next(max(1, self.options.tokens_per_step // window))
        loss = loss_of(self.model, inputs.to(self.options.device), targets.to(self.options.device), self.body)
        loss.backward()  # type: ignore[no-untyped-call]
        for full, low in self.pairs:
            assert low.grad is not None
            full.grad = low.grad.to(full.dtype)
            low.grad = None
        torch.nn.utils.clip_grad_norm_(self.master.parameters(), CLIP)
        for optimizer in self.optimizers:
            optimizer.step()
        self._copy_down()
        self.steps += 1
        self.tokens += int((targets >= 0).sum())
        value = float(loss.detach())
        self.average_loss = value if self.steps == 1 else 0.97 * self.average_loss + 0.03 * value

    @torch.no_grad()
    def _copy_down(self) -> None:
        for full, low in self.pairs:
            low.copy_(full)

    def save(self) -> None:
        """Write the checkpoint."""
        scratch = self.checkpoint.with_suffix(".part")
        state = {
            "master": self.master.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "places": {window: server.place for window, server in self.servers.items()},
            "steps": self.steps,
            "tokens": self.tokens,
            "elapsed": self.elapsed,
            "average_loss": self.average_loss,
            "validation": self.validation,
        }
        torch.save(state, scratch)
        scratch.replace(self.checkpoint)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, map_location=self.options.device, weights_only=True)
        self.master.load_state_dict(state["master"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        for window, server in self.servers.items():
            server.place = state["places"][window]
        self.steps, self.tokens = state["steps"], state["tokens"]
        self.average_loss = state["average_loss"]
        self.validation = [(int(step), float(bits)) for step, bits in state["validation"]]
        self._began = time.monotonic() - state["elapsed"]
        self._copy_down()
