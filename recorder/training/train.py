"""Command: train the built-in model for a given number of minutes and put it into the package.

Use: python recorder/training/train.py --minutes 100

The clock is the schedule: warm-up, decay and the switch to long windows follow the share
of the minutes that has passed. A run that was stopped goes on from its checkpoint; a
finished run starts afresh when its folder under build/training is removed.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from batches import Batches, Passes
from display import Display
from export import export_model
from packing import NOTHING
from places import MODEL_FOLDER, WORK_FOLDER
from quick_measure import QuickMeasure
from schedule import LONG_WINDOW, SHORT_WINDOW
from tokenizers import Tokenizer
from training_run import TrainingRun

SECONDS_BETWEEN_CHECKPOINTS = 180.0
STEPS_BETWEEN_MEASURES = 200


def arguments() -> argparse.Namespace:
    """The command line; the defaults are the model in the package."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=100.0)
    parser.add_argument("--tokens-per-step", type=int, default=4096)
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--groups", type=int, default=2)
    parser.add_argument("--inner", type=int, default=512)
    parser.add_argument("--matrix-lr", type=float, default=0.02)
    parser.add_argument("--other-lr", type=float, default=0.006)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=torch.cuda.is_available())
    parser.add_argument("--start-from", type=Path, help="folder of weights to begin with instead of random ones")
    parser.add_argument("--name", default="run", help="folder under build/training")
    parser.add_argument("--no-export", action="store_true", help="leave the package as it is")
    return parser.parse_args()


def train(run: TrainingRun, quick: QuickMeasure) -> None:
    """Step until the time is used up."""
    last_save = time.monotonic()
    with Display() as display:
        display.note(f"{run.parameters:,} parameters on {run.options.device}, from step {run.steps}")
        while run.done < 1:
            run.step()
            display.update(
                run.done,
                f"step {run.steps}  loss {run.average_loss:.3f}  {run.tokens:,} tokens  "
                f"{run.tokens / run.elapsed:,.0f} tokens/s",
            )
            if run.steps % STEPS_BETWEEN_MEASURES == 0:
                run.validation.append((run.steps, quick.bits_per_byte(run.model)))
                display.note(f"        step {run.steps}  validation {run.validation[-1][1]:.3f} bits per byte")
            if time.monotonic() - last_save > SECONDS_BETWEEN_CHECKPOINTS:
                run.save()
                last_save = time.monotonic()
        run.validation.append((run.steps, quick.bits_per_byte(run.model)))
        display.note(f"{run.steps} steps, {run.tokens:,} tokens, validation {run.validation[-1][1]:.3f} bits per byte")


def write_summary(run: TrainingRun, path: Path) -> None:
    """What model_card.py tells about the run."""
    summary = {
        "parameters": run.parameters,
        "minutes": round(run.elapsed / 60, 1),
        "steps": run.steps,
        "tokens": run.tokens,
        "tokens_per_second": round(run.tokens / run.elapsed),
        "packed_tokens": int((run.servers[SHORT_WINDOW].passes.rows(0, SHORT_WINDOW) != NOTHING).sum()),
        "device": run.options.device,
        "threads": run.options.threads,
        "options": {k: v for k, v in vars(run.options).items() if k not in ("name", "no_export", "start_from")},
        "validation": run.validation,
    }
    path.write_text(json.dumps(summary, indent=2) + "\n")


def main() -> None:
    """Prepare, train, export."""
    options = arguments()
    torch.set_num_threads(options.threads)
    folder = WORK_FOLDER / options.name
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(MODEL_FOLDER / "tokenizer.json"))
    passes = Passes(WORK_FOLDER, tokenizer, options.seed)
    for length in (SHORT_WINDOW, LONG_WINDOW):
        passes.rows(0, length)  # packed before the clock runs
    quick = QuickMeasure(passes.documents, tokenizer, options.device)
    servers = {length: Batches(passes, length) for length in (SHORT_WINDOW, LONG_WINDOW)}
    run = TrainingRun(options, servers, folder / "checkpoint.pt")
    run.resume()
    train(run, quick)
    write_summary(run, folder / "summary.json")
    run.save()
    if not options.no_export:
        export_model(run.master, folder / "export", MODEL_FOLDER)


if __name__ == "__main__":
    main()
