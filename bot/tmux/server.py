"""The tmux program and its server: how it is called, which version it is, what its environment may hold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.errors import DependencyMissing

# A session of our own for the control client to be attached to; it shows nothing, and goes when its last client goes.
KEEP_ALIVE = "_maf"

# The server that plain `tmux` uses: the person's own. No option of it is changed, and nothing of ours stays there.
PERSONS = "default"

# What a person can do about a server that does not answer.
HUNG = "Its server hangs or is stopped: look at it with ps, and continue it with kill -CONT."

OLDEST = (3, 0)
TESTED_FROM = (3, 2)
ASK_TIMEOUT = 5.0

# What a tmux server that we start passes on to every pane. The rest of our own environment (the bot token above all)
# stays out: what an agent needs beyond this comes from agent.env, its type and its profile.
PASSED_ON = frozenset(
    {
        *("HOME", "PATH", "SHELL", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMUX_TMPDIR"),
        *(
            "SSH_AUTH_SOCK",
            "SSH_AGENT_PID",
            "DISPLAY",
            "WAYLAND_DISPLAY",
            "DBUS_SESSION_BUS_ADDRESS",
            "EDITOR",
            "VISUAL",
        ),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"),
    }
)
PASSED_ON_PREFIXES = ("LC_", "XDG_")


class TmuxMissing(DependencyMissing):
    """tmux is not installed."""

    code = "tmux_missing"


class TmuxGone(DependencyMissing):
    """The tmux server is not there."""

    code = "tmux_gone"


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A tmux version: number as (major, minor), and the text that `tmux -V` printed."""

    number: tuple[int, int]
    text: str = ""

    @property
    def too_old(self) -> bool:
        return self.number < OLDEST

    @property
    def untested(self) -> bool:
        """Works as far as its manual says, but nobody has run the product on it: the doctor warns."""
        return self.number < TESTED_FROM


def parse_version(text: str) -> Version:
    """Read what `tmux -V` prints: "tmux 3.3a", "tmux next-3.7", "tmux openbsd-7.5"; "tmux master" counts as the newest.

    >>> parse_version("tmux 3.3a").number
    (3, 3)
    """
    text = text.strip()
    if "openbsd" in text:  # numbered like the system it came with; 6.7 (May 2020) carried tmux 3.1
        found = re.search(r"(\d+)\.(\d+)", text)
        system = (int(found[1]), int(found[2])) if found else (0, 0)
        return Version((3, 2) if system >= (6, 9) else (2, 9), text)
    found = re.search(r"(\d+)\.(\d+)", text)
    if found:
        return Version((int(found[1]), int(found[2])), text)
    return Version((99, 0) if "master" in text else (0, 0), text)


def install_hint(platform: str = sys.platform) -> str:
    """The one command that brings tmux."""
    if platform == "darwin":
        return "Install it with: brew install tmux"
    for tool, command in (
        ("apt-get", "sudo apt-get install tmux"),
        ("dnf", "sudo dnf install tmux"),
        ("pacman", "sudo pacman -S tmux"),
        ("apk", "sudo apk add tmux"),
    ):
        if shutil.which(tool):
            return f"Install it with: {command}"
    return "Install tmux 3.2 or newer with your system's package manager."


def find_version() -> Version:
    """Ask the installed tmux for its version; blocks for some 3 ms.

    Raises TmuxMissing where there is no tmux, or one older than 3.0.
    """
    try:
        said = subprocess.run(["tmux", "-V"], capture_output=True, text=True, timeout=ASK_TIMEOUT, check=False)
    except FileNotFoundError:
        raise TmuxMissing(hint=install_hint()) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TmuxMissing(f"tmux does not run: {error}", hint=install_hint()) from None
    version = parse_version(said.stdout or said.stderr)
    if version.too_old:
        raise TmuxMissing(f"{version.text or 'This tmux'} is too old: 3.0 or newer is needed.", hint=install_hint())
    return version


def tmux_argv(socket: str, config: Path | None = None) -> list[str]:
    """`tmux` with the server it should talk to: a name (`-L`), or an absolute path (`-S`).

    Only a server that starts reads the configuration. The person's own server keeps its own file.
    """
    argv = ["tmux", "-u", *(("-S", socket) if socket.startswith("/") else ("-L", socket))]
    if config is not None and socket != PERSONS:
        argv += ["-f", str(config)]
    return argv


def server_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The part of our environment that tmux may see (it hands all of it to every pane), with a UTF-8 locale."""
    # Not a setting of ours that is read here, but the environment of a program that we start.
    source = os.environ if environ is None else environ
    passed = {k: v for k, v in source.items() if k in PASSED_ON or k.startswith(PASSED_ON_PREFIXES)}
    if not any("utf" in passed.get(name, "").lower() for name in ("LC_ALL", "LC_CTYPE", "LANG")):
        passed.pop("LC_ALL", None)
        passed["LC_CTYPE"] = "C.UTF-8" if sys.platform != "darwin" else "UTF-8"
    passed.setdefault("PATH", os.defpath)
    return passed
