"""Where the training scripts read and write, all inside the checkout."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
MODEL_FOLDER = CHECKOUT / "recorder" / "tokenscope_trace" / "builtin_model"
WORK_FOLDER = CHECKOUT / "build" / "training"
