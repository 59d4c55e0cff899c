"""Sentences of a command: the one way of words to a terminal. Whatever name is in one, it stays on its line, and nothing of it is acted upon."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tokenscope_trace.errors import TokenScopeError
from tokenscope_trace.text import visible_line


def tell(sentence: str, *, err: bool = True) -> None:
    """One line on standard error, or on standard output."""
    click.echo(visible_line(sentence), err=err)


@contextmanager
def reported(program: str) -> Iterator[None]:
    """Turn a TokenScopeError, and full memory, into one line on stderr and an exit code; leave everything else alone."""
    try:
        yield
    except TokenScopeError as error:
        message, exit_code = str(error), error.exit_code
    except MemoryError:  # of a kind that no stage has met
        message, exit_code = "the memory does not suffice.", TokenScopeError.exit_code
    else:
        return
    tell(f"{program}: error: {message}")
    sys.exit(exit_code)
