"""Help texts with options in groups, each with an example. Shared by both commands; knows none of their options."""

from __future__ import annotations

from typing import Any

import click


class GroupedOption(click.Option):
    """An option that stands under the heading `group` in the help."""

    def __init__(self, *args: Any, group: str = "Other", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Defaults, but no ranges: a sentence says them where they matter, and a mistake is told."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


class GroupedCommand(click.Command):
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
