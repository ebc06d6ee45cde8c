"""The classes that commands and groups are made of: they give every command `--home` and `--json`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import click

from bot.cli.terminal import Terminal
from bot.clock import span
from bot.home import find_home

EMPTY = "it is empty."


def _home(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    if not value.strip():
        raise click.BadParameter(EMPTY)
    root = find_home(value).root
    if root.exists() and not root.is_dir():
        raise click.BadParameter(f"{value} is a file. Give the .maf folder.")
    ctx.ensure_object(Terminal).home_option = value


def _json(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Terminal).json = True


def common() -> list[click.Parameter]:
    """The options that may stand at `maf`, at a group and at a command alike."""
    return [
        click.Option(
            ["--home"], metavar="DIR", expose_value=False, callback=_home, help="The .maf folder to work with."
        ),
        click.Option(["--json"], is_flag=True, expose_value=False, callback=_json, help="Print JSON."),
    ]


class Seconds(click.FloatRange):
    """A length of time: plain seconds, or with a unit like 90s, 10m, 2h, 1d. -> seconds"""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            seconds = span(str(value)).total_seconds()
        except ValueError:
            self.fail(f"{value!r} is no length of time: write seconds, or like 90s, 10m, 2h.", param, ctx)
        return super().convert(seconds, param, ctx)


class Command(click.Command):
    """A command whose function gets the Terminal first and returns its exit code, or None for 0."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += common()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        for param in self.params:
            if param.default != "":
                _refuse_empty(ctx, param, given.get(param.name or ""))
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        from bot.cli import rights

        rights.check(ctx.ensure_object(Terminal), ctx.command_path.partition(" ")[2])
        return super().invoke(ctx)


def _refuse_empty(ctx: click.Context, param: click.Parameter, value: object) -> None:
    """An empty word is mostly a variable that is not set. It must not come to mean the newest draft, this folder, or
    all agents.
    """
    words = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(word, str) and not word.strip() for word in words):
        raise click.BadParameter(EMPTY, ctx=ctx, param=param)


class Group(click.Group):
    """A group of Commands. Those in `lazy` (name: module, help) are imported when they are used; such a module holds
    `command`.
    """

    command_class = Command

    def __init__(self, *args: Any, lazy: dict[str, tuple[str, str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += common()
        self.lazy = lazy or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, *self.lazy]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        command: click.Command = importlib.import_module(self.lazy[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, command.get_short_help_str(90)) for name, command in self.commands.items()]
        rows += [(name, text) for name, (_, text) in self.lazy.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


# A command's function gets the Terminal first.
pass_terminal = click.make_pass_decorator(Terminal, ensure=True)


def command(name: str) -> Callable[[Callable[..., Any]], Command]:
    """Make a Command of a function (terminal, **parameters) -> exit code or None."""

    def make(function: Callable[..., Any]) -> Command:
        return click.command(name, cls=Command)(pass_terminal(function))

    return make
