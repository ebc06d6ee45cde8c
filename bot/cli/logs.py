"""`maf logs`: the last lines, and setting large logs aside."""

from __future__ import annotations

import time

import click

from bot.cli.command import Group, pass_terminal
from bot.cli.terminal import Terminal, put
from bot.errors import NotFound, WrongUsage
from bot.log import KEEP, MAX_BYTES, last_lines, log_files, rotate

MB = 1024 * 1024
FOLLOW_S = 0.5

command = Group("logs", help="The logs: their last lines, and setting large ones aside.")


@command.command("tail")
@click.argument("name", default="maf")
@click.option("--lines", type=click.IntRange(1, 10_000), default=40, show_default=True, help="How many lines.")
@click.option("--follow", "-f", is_flag=True, help="Go on printing what comes, until Ctrl-C.")
@pass_terminal
def tail(terminal: Terminal, name: str, lines: int, follow: bool) -> None:
    """Print the last lines of the log NAME: maf, error, or an agent's id."""
    logs = terminal.home.logs
    known = {path.stem: path for path in log_files(logs)}
    if name not in known:
        raise NotFound.of("log", name, known)
    found = last_lines(known[name], lines)
    terminal.show({"log": name, "lines": found}, "\n".join(found))
    if not follow or terminal.json:
        return
    at = known[name].stat().st_size
    while True:
        time.sleep(FOLLOW_S)
        try:
            size = known[name].stat().st_size
        except FileNotFoundError:  # set aside by the bot, which begins a new one with its next line
            continue
        at = 0 if size < at else at
        if size > at:
            with known[name].open("rb") as file:
                file.seek(at)
                put(file.read(size - at).decode("utf8", "replace").removesuffix("\n"))
            at = size


@command.command("rotate")
@click.argument("numbers", metavar="[MB [KEEP]]", nargs=-1, type=click.IntRange(0))
@click.option("--max-mb", type=click.IntRange(1), help=f"Larger ones go.  [default: {MAX_BYTES // MB}]")
@click.option("--keep", type=click.IntRange(0, 99), help=f"How many to keep of each.  [default: {KEEP}]")
@pass_terminal
def rotate_logs(terminal: Terminal, numbers: tuple[int, ...], max_mb: int | None, keep: int | None) -> None:
    """Set aside every log larger than MB megabytes, and keep KEEP of each: `maf logs rotate 10 5`."""
    if len(numbers) > 2:
        raise WrongUsage("Give at most two numbers: megabytes, and how many to keep.")
    if numbers and (max_mb, keep) != (None, None):
        raise WrongUsage("Give each number once: MB KEEP, or --max-mb and --keep.")
    if numbers[:1] == (0,):
        raise WrongUsage("MB is 1 or more.")
    megabytes = numbers[0] if numbers else max_mb or MAX_BYTES // MB
    kept = numbers[1] if len(numbers) > 1 else KEEP if keep is None else keep
    done = [path.name for path in rotate(terminal.home.logs, max_bytes=megabytes * MB, keep=kept)]
    verb = "Set aside" if kept else "Emptied"
    terminal.show({"rotated": done}, f"{verb}: {', '.join(done)}." if done else f"No log is over {megabytes} MB.")
