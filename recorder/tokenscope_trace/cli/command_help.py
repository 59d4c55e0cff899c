"""Command help: options in groups, each with an example. Shared by both commands; knows none of their options."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from tokenscope_trace.cli.sentences import reported, tell
from tokenscope_trace.errors import OutputError
from tokenscope_trace.settings import Bounds
from tokenscope_trace.streams import standard_streams
from tokenscope_trace.text import shortened, visible_line


class Number(click.ParamType[int | float]):
    """A number within bounds; a mistake is told in words."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.name = "whole number" if bounds.whole else "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Raises click.BadParameter."""
        try:
            return self.bounds.number(value)
        except ValueError as error:
            raise click.BadParameter(f"{shortened(repr(str(value)), 60)} is not a {error}.", ctx=ctx, param=param) from None


class Words(click.types.StringParamType):
    """A text that goes into a model or a file, UTF-8 whatever the locale."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Raises click.BadParameter."""
        try:
            return str(value).encode("utf-8", "surrogateescape").decode()
        except UnicodeError:
            self.fail(f"{shortened(visible_line(str(value)), 60)} is not UTF-8.", param, ctx)


WORDS = Words()
_LONGEST = 1000  # characters of what is said of a command line, which may have a megabyte in one word


class Mistake(click.UsageError):
    """A wrong command line in the style of all other errors."""

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - as its base
        """Write one sentence and where help is."""
        program = self.ctx.find_root().info_name if self.ctx is not None else ""
        tell(f"{program}: error: {shortened(visible_line(self.format_message()), _LONGEST)}")
        tell(f"Try '{program} --help' for help.")


def _check_folder() -> None:
    """Raises OutputError where the folder that names are read from is not there any more."""
    try:
        os.getcwd()
    except OSError as error:
        raise OutputError(f"the current folder is not there any more ({error.strerror}); change to one that is.") from error


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Libraries warn their callers, with file and line; what a user has to know, a command says itself."""
    with warnings.catch_warnings():
        if not os.environ.get("TOKENSCOPE_DEBUG"):
            warnings.showwarning = lambda *_args, **_named: None
        yield


class PlainCommand(click.Command):
    """A command whose mistakes and errors are told as `PROGRAM: error: sentence`; `hints` maps options that people guess to those there are."""

    def __init__(self, *args: Any, program: str = "", hints: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.program, self.hints = program, hints or {}

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """The whole command, with the standard streams as they are. Raises SystemExit."""
        with _without_warnings(), standard_streams(), reported(self.program):
            _check_folder()
            try:
                return super().main(*args, **kwargs)
            except SystemExit as left:
                if not left.code:
                    sys.stdout.flush()  # what cannot be written is known now at the latest
                raise

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Raises Mistake."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = self.hints.get(error.option_name)
            told = f"there is no option {error.option_name}; {hint} does that." if hint else error.format_message()
            raise Mistake(told, ctx) from error
        except click.UsageError as error:
            raise Mistake(error.format_message(), ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Raises Mistake where the command finds one."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise Mistake(error.format_message(), ctx) from error


class GroupedOption(click.Option):
    """An option that stands under the heading `group` in the help. A text is WORDS, unless it names something of the system, by any bytes."""

    def __init__(self, *args: Any, group: str = "Other", names: bool = False, **kwargs: Any) -> None:
        if not names and "type" not in kwargs and not kwargs.get("is_flag"):
            kwargs["type"] = WORDS
        super().__init__(*args, **kwargs)
        self.group = group

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Defaults, but no ranges: a sentence says them where they matter, and a mistake is told."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


class GroupedCommand(PlainCommand):
    """A command whose help lists options by group, in order of first use; `examples` maps a group to a command line."""

    def __init__(self, *args: Any, examples: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples or {}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section per group, with its example below."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                groups.setdefault(getattr(param, "group", "Other"), []).append(record)
        groups["Other"] = groups.pop("Other")  # --version and --help, which click adds, come last
        for name, records in groups.items():
            with formatter.section(name):
                formatter.write_dl(records, col_max=34)
                if name in self.examples:
                    formatter.write_paragraph()
                    formatter.write(f"{'':{formatter.current_indent}}Example: {self.examples[name]}\n")
