"""Errors: everything that can go wrong by a user's hand, as one tree of exceptions with exit codes.

    TokenScopeError
    ├── SettingsError      2   a value is none that can be asked for (from Python; a ValueError, too)
    ├── PromptError        3   the prompt cannot be read or does not fit the model
    ├── ModelError         4   the model or its tokenizer cannot be loaded or used
    ├── RedactionError     3   what is to be left out cannot be told from the rest
    ├── OutputError        5   the output cannot be written
    └── TraceError         6   the trace file is refused
        ├── NotATrace          another kind of file
        ├── UnsupportedTrace   a version from the future
        ├── TruncatedTrace     shorter than it says
        ├── OversizedTrace     beyond a stated limit
        └── CorruptTrace       damaged, or against the format's rules

    KeyboardInterrupt
    └── Interrupted            from Python: interrupted, with what was recorded by then

Exit code 0 is success, 1 an error of ours, 2 a wrong command line, 7 a recording that is written and lacks a part, 8 a
repetition that differs from its recording, 130 an interruption (what was there is written).
Each message is one sentence: what was wrong with the value seen, what was expected, what to do.
"""

from __future__ import annotations

from typing import Any

EXIT_INCOMPLETE = 7
EXIT_DIFFERENT = 8
EXIT_INTERRUPTED = 130


class TokenScopeError(Exception):
    """Base of all errors that are reported as one sentence; `exit_code` is the process's exit status."""

    exit_code = 1


class SettingsError(TokenScopeError, ValueError):
    """A value is none that can be asked for."""

    exit_code = 2


class PromptError(TokenScopeError):
    """The prompt cannot be read, or does not fit the model."""

    exit_code = 3


class ModelError(TokenScopeError):
    """The model or its tokenizer cannot be loaded or used as asked."""

    exit_code = 4


class RedactionError(TokenScopeError):
    """What is to be left out cannot be told from the rest."""

    exit_code = 3


class OutputError(TokenScopeError):
    """The output cannot be written."""

    exit_code = 5


class TraceError(TokenScopeError):
    """The trace file is refused."""

    exit_code = 6


class NotATrace(TraceError):
    """The file is of another kind."""


class UnsupportedTrace(TraceError):
    """The file is of a major version that this program does not know."""


class TruncatedTrace(TraceError):
    """The file is shorter than it says."""


class OversizedTrace(TraceError):
    """The file asks for more than a stated limit."""


class CorruptTrace(TraceError):
    """The file is damaged or breaks a rule of the format."""


class Interrupted(KeyboardInterrupt):
    """A recording was interrupted after its first token; `trace` is what there was by then, a Trace that says what it lacks."""

    def __init__(self, trace: Any) -> None:
        super().__init__("the recording was interrupted; what there was by then is this error's trace.")
        self.trace = trace
