"""What a user may ask of a recording, as frozen data. Knows no torch, so that the command line starts at once."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_FIM_MARKER = "<FILL>"
BUILTIN_MODEL = "built-in"


@dataclass(frozen=True)
class ModelSettings:
    """Which model, and how it runs.

    `name` is a hub id, a folder, or BUILTIN_MODEL; `device` is a torch device or "auto" (cuda, else mps, else cpu);
    `dtype` is "auto" (float32 on the CPU, the checkpoint's own elsewhere), "float32", "bfloat16" or "float16".
    """

    name: str = BUILTIN_MODEL
    revision: str | None = None
    device: str = "auto"
    dtype: str = "auto"


@dataclass(frozen=True)
class GenerationSettings:
    """How the main path is decoded. None means: as the model's own generation config says.

    `temperature` 0 is greedy; any other sampling option switches sampling on. `stop` are strings that end the output.
    """

    max_new_tokens: int = 256
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int = 0
    stop: tuple[str, ...] = ()
    top_alternatives: int = 10

    @property
    def do_sample(self) -> bool | None:
        """True or False where the options decide it, None where the model's own generation config does."""
        if self.temperature == 0:
            return False
        asked = (self.temperature, self.top_p, self.top_k, self.min_p)
        return True if any(value is not None for value in asked) else None
