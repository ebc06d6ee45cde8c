"""`maf` itself: the table of commands, and how a run of one ends."""

from __future__ import annotations

import difflib
import errno
import sys
import traceback

import click

from bot.cli import menu
from bot.cli.command import Group
from bot.cli.terminal import Terminal, debugging
from bot.errors import REFUSED, WRONG_USAGE, MafError
from bot.home import Home

INTERRUPTED = 130
NEAR = 0.7  # below it two words only share some letters, as review and service do
# The words of a programmer, and those of a person.
KINDS = {
    "a valid integer range": "a whole number",
    "a valid integer": "a whole number",
    "a valid float range": "a number",
    "a valid float": "a number",
}


class Root(Group):
    """`maf` without a command's name; its help is the one that is also printed without click."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(menu.text())


def run(words: list[str]) -> int:
    """Run `maf WORDS` and return the exit code. Whatever happens, a person sees a sentence and never a traceback."""
    terminal = Terminal(json="--json" in words)
    try:
        root = Root("maf", lazy=menu.COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
        code = root.main(words, prog_name="maf", standalone_mode=False, obj=terminal)
        return code if isinstance(code, int) else 0
    except MafError as error:
        if debugging(terminal.home):
            _print_traceback(terminal.home)
        terminal.fail(error.as_dict())
        return error.exit_code
    except click.ClickException as error:
        return _wrong_usage(terminal, error)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:  # The edge of the program: the traceback is for the log, the person gets a sentence.
        if (known := _of_the_store(error)) is not None:
            terminal.fail(known.as_dict())
            return known.exit_code
        return _unexpected(terminal, error)


def _wrong_usage(terminal: Terminal, error: click.ClickException) -> int:
    message = error.format_message()
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(message, err=True)
    else:
        # What click thinks was meant stands in the hint already; its list of choices has a line for each.
        message = " ".join(message.partition(" Did you mean")[0].split())
        for theirs, ours in KINDS.items():
            message = message.replace(f"is not {theirs}.", f"is not {ours}.")
        terminal.fail({"code": "usage", "message": message, "hint": _usage_hint(error)})
    return WRONG_USAGE


def _usage_hint(error: click.ClickException) -> str:
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return ""
    if isinstance(error, click.exceptions.NoSuchOption | click.exceptions.BadParameter):
        return f"See: {error.ctx.command_path} --help"
    command = error.ctx.command
    if isinstance(command, click.Group) and (word := error.message.split("'")[1:2]):
        near = difflib.get_close_matches(word[0], command.list_commands(error.ctx), n=2, cutoff=NEAR)
        if near:
            return f"Did you mean: {' or '.join(f'{error.ctx.command_path} {name}' for name in near)}?"
    return f"See: {error.ctx.command_path} --help"


def _of_the_store(error: Exception) -> MafError | None:
    """A store that is locked, full or gone, which can come up at any row; None for what is a fault of ours."""
    if "sqlalchemy" not in sys.modules:
        return None
    from bot.store.errors import trouble

    return trouble(error)


def _unexpected(terminal: Terminal, error: Exception) -> int:
    if debugging(terminal.home):
        _print_traceback(terminal.home)
    hint = "Run it again with DEBUG_MODE=1 to see the details."
    if _logged(terminal.home, error):
        hint = f"The details are in {terminal.home.logs / 'error.log'}."
    shape = {"code": "internal", "message": f"Something went wrong inside maf ({type(error).__name__}).", "hint": hint}
    if isinstance(error, OSError) and error.filename is not None:
        # Mostly a folder of another user's, or a full disk: the person can see to it.
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            hint = "Check whose it is, and that you may read and write there. More: maf doctor"
        shape = {"code": "file", "message": f"{error.filename}: {error.strerror}.", "hint": hint}
    terminal.fail(shape)
    return REFUSED


def _print_traceback(home: Home) -> None:
    """Of the error at hand, for somebody who asked for it, and still without secrets."""
    from bot.log import Redact

    sys.stderr.write(Redact(_secrets(home)).clean(traceback.format_exc()))


def _logged(home: Home, error: Exception) -> bool:
    """Write the traceback into the home's log; False where there is none, or it cannot be written."""
    import logging

    from bot import log

    if not home.exists:
        return False
    if not logging.getLogger().handlers:
        try:
            log.set_up(home.logs, secrets=_secrets(home))
        except OSError:
            return False
    # Its own copy of the last resort is not for a person's screen.
    logging.raiseExceptions = False
    logging.getLogger(__name__).error("maf failed", exc_info=error)
    return (home.logs / "error.log").exists()


def _secrets(home: Home) -> list[str]:
    """What the log must not hold; settings that cannot be read hold nothing that we use."""
    from bot.profiles.secrets import ProfileSecrets
    from bot.settings import load_settings

    try:
        of_settings = load_settings(home).secrets
    except MafError:
        of_settings = []
    return [*of_settings, *ProfileSecrets(home).values]
