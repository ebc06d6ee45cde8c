"""`maf service`: the systemd units of this home, for the person's own user manager."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click

from bot import shipped
from bot.cli.call import NoHome
from bot.cli.command import Group, pass_terminal
from bot.cli.terminal import Terminal, table
from bot.errors import DONE, REFUSED, DependencyMissing, Refused, WrongUsage
from bot.home import Home

command = Group("service", help="Run maf for good: systemd units for the bot and for the agents' tmux server.")

TIMEOUT_S = 30
_ALL = ("tmux", "bot")  # in the order in which they start
_HOME = re.compile(r"^# maf home: (.*)$", re.MULTILINE)
_names = click.argument("names", metavar="[bot|tmux]", nargs=-1)


def _chosen(names: Sequence[str]) -> list[str]:
    """The units that were named, all without a name. Raises WrongUsage for one that is not shipped."""
    for name in names:
        if name not in _known():
            raise WrongUsage(f"There is no service {name}.", hint=f"There are: {', '.join(_known())}.")
    return [name for name in _known() if name in (names or _known())]


def _known() -> list[str]:
    units = shipped.folder("deploy").glob("maf-*.service")
    found = {path.name.removeprefix("maf-").removesuffix(".service") for path in units}
    return [*(name for name in _ALL if name in found), *sorted(found - set(_ALL))]


def _unit(name: str) -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "systemd" / "user" / f"maf-{name}.service"


def _systemctl(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Raises DependencyMissing where there is no systemd for this user, Refused with its own words."""
    try:
        done = subprocess.run(
            ["systemctl", "--user", *words], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        raise DependencyMissing(
            "There is no systemd here.", hint="Start `maf run` with what your system uses, and keep tmux out of it."
        ) from None
    except subprocess.TimeoutExpired:
        raise Refused(f"systemctl {words[0]} did not answer within {TIMEOUT_S} s.") from None
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip() or f"exit {done.returncode}"
        if "connect to bus" in said:
            raise DependencyMissing(
                f"The systemd of your user does not answer ({said}).",
                hint="Log in as that user itself (with ssh, not su or sudo), or: sudo loginctl enable-linger $USER",
            )
        raise Refused(f"systemctl --user {' '.join(words)}: {said}")
    return done


def unit_text(template: str, home: Home, *, maf: str, tmux: str, socket: str) -> str:
    """A unit for this home. Raises Refused for a path that a unit file cannot hold."""
    for path in (str(home.root), maf, tmux, socket):
        if re.search(r'[\s"\\%$\'|]', path):
            raise Refused(f"{path!r} cannot stand in a systemd unit.", hint="Use a path of plain characters.")
    server = f"-S {socket}" if socket.startswith("/") else f"-L {socket}"
    text = template.replace("tmux -u -L maf", f"{tmux} -u {server}")
    for mark, value in (("@HOME@", str(home.root)), ("@PROJECT@", str(home.root.parent)), ("@MAF@", maf)):
        text = text.replace(mark, value)
    return f"# maf home: {home.root}\n{text}"


@command.command("install")
@_names
@pass_terminal
def install(terminal: Terminal, names: Sequence[str]) -> None:
    """Write the units of this home and start them, now and after each boot.

    The agents' tmux server has a unit of its own: restarting the bot must not end the agents.
    """
    from bot.settings import load_settings
    from bot.tmux.server import PERSONS

    home = terminal.home
    if not home.exists:
        raise NoHome(home)
    if unseen := _unseen(home):
        raise Refused(
            f"A service does not see what is set in this shell alone: {', '.join(unseen)}.",
            hint=f"Write it into {home.env_file}, unset it here, then run this again.",
        )
    settings = load_settings(home)
    if "bot" in (names or ("bot",)) and settings.bot_token is None:
        raise Refused("MAF_BOT_TOKEN is not set.", hint=f"Write it into {home.env_file}.")
    chosen = [name for name in _chosen(names) if name != "tmux" or settings.tmux_socket != PERSONS]
    tmux = shutil.which("tmux") or "tmux"
    _systemctl("show-environment")  # whether the person's manager answers, before anything is written
    for name in chosen:
        _check_ours(_unit(name), home)
        template = (shipped.folder("deploy") / f"maf-{name}.service").read_text(encoding="utf8")
        text = unit_text(template, home, maf=shipped.program(), tmux=tmux, socket=settings.tmux_socket)
        _unit(name).parent.mkdir(parents=True, exist_ok=True)
        _unit(name).write_text(text, encoding="utf8")
    _systemctl("daemon-reload")
    for name in chosen:
        _systemctl("enable", "--now", f"maf-{name}.service")
    said = (
        f"Installed and started: {', '.join(chosen)}.\n"
        "So that they run while you are not logged in: loginctl enable-linger"
    )
    terminal.show({"installed": chosen, "units": [str(_unit(name)) for name in chosen]}, said)


@command.command("uninstall")
@_names
@pass_terminal
def uninstall(terminal: Terminal, names: Sequence[str]) -> None:
    """Stop the units of this home and remove them. Removing `tmux` ends the agents."""
    gone = []
    for name in reversed(_chosen(names)):
        path = _unit(name)
        if path.is_file():
            _check_ours(path, terminal.home)
            _systemctl("disable", "--now", f"maf-{name}.service")
            path.unlink()
            gone.append(name)
    if gone:
        _systemctl("daemon-reload")
    terminal.show({"uninstalled": gone}, f"Removed: {', '.join(gone)}." if gone else "There was nothing to remove.")


@command.command("status")
@_names
@pass_terminal
def status(terminal: Terminal, names: Sequence[str]) -> int:
    """Say which units are installed and run. Exit code 1: one that is installed does not run."""
    rows = []
    for name in _chosen(names):
        installed = _unit(name).is_file()
        said = (
            _systemctl("is-active", f"maf-{name}.service", check=False).stdout.strip() if installed else "not installed"
        )
        rows.append([name, said or "unknown", _home_of(_unit(name)) if installed else "-"])
    shape = [{"name": name, "state": state, "home": None if home == "-" else home} for name, state, home in rows]
    terminal.show(shape, lambda: table(rows, ["SERVICE", "STATE", "HOME"]))
    return REFUSED if any(row[1] not in ("active", "not installed") for row in rows) else DONE


@command.command("logs")
@_names
@click.option("--lines", type=click.IntRange(1, 10_000), default=50, show_default=True)
@pass_terminal
def logs(terminal: Terminal, names: Sequence[str], lines: int) -> None:
    """Print what the units have said to the journal of systemd."""
    units = [word for name in _chosen(names) for word in ("-u", f"maf-{name}.service")]
    try:
        done = subprocess.run(
            ["journalctl", "--user", "--no-pager", "-n", str(lines), *units],
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise DependencyMissing("There is no journal here.", hint="See the home's own log: maf logs tail") from None
    if done.returncode:
        raise Refused(f"journalctl: {done.stderr.strip()}")
    terminal.show({"log": done.stdout.splitlines()}, done.stdout.rstrip("\n"))


def _unseen(home: Home) -> list[str]:
    """Our settings that this shell has and maf.env has not, or not so."""
    from bot.envfile import parse_env

    kept = parse_env(home.env_file.read_text(encoding="utf8")) if home.env_file.is_file() else {}
    mine = {name: value for name, value in os.environ.items() if name.startswith("MAF_")}
    return sorted(name for name in mine.keys() - {"MAF_HOME", "MAF_AGENT"} if kept.get(name) != mine[name])


def _home_of(path: Path) -> str:
    found = _HOME.search(path.read_text(encoding="utf8", errors="replace"))
    return found[1] if found else ""


def _check_ours(path: Path, home: Home) -> None:
    """Raises Refused for a unit of another home, or one that somebody else wrote."""
    if path.is_file() and _home_of(path) != str(home.root):
        raise Refused(
            f"{path} belongs to another home ({_home_of(path) or 'unknown'}).",
            hint="Uninstall it there first: maf service uninstall",
        )
