"""Everything that can go wrong by a user's hand, as one tree of exceptions with exit codes.

    TokenScopeError
    ├── PromptError        3   the prompt cannot be read or does not fit the model
    ├── ModelError         4   the model or its tokenizer cannot be loaded or used
    ├── OutputError        5   the output cannot be written
    └── TraceError         6   the trace file is refused
        ├── NotATrace          another kind of file
        ├── UnsupportedTrace   a version from the future
        ├── TruncatedTrace     shorter than it says
        ├── OversizedTrace     beyond a stated limit
        └── CorruptTrace       damaged, or against the format's rules

Exit code 0 is success, 1 an error of ours, 2 a wrong command line, 130 an interruption (what was there is written).
Each message is one sentence: what was wrong with the value seen, what was expected, what to do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130


class TokenScopeError(Exception):
    """Base of all errors that are reported as one sentence; `exit_code` is the process's exit status."""

    exit_code = 1


class PromptError(TokenScopeError):
    """The prompt cannot be read, or does not fit the model."""

    exit_code = 3


class ModelError(TokenScopeError):
    """The model or its tokenizer cannot be loaded or used as asked."""

    exit_code = 4


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


@contextmanager
def reported(program: str) -> Iterator[None]:
    """Turn a TokenScopeError into one line on stderr and its exit code; leave everything else alone."""
    try:
        yield
    except TokenScopeError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
