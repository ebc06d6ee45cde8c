"""What a new home holds: the files that a person edits, each with words that say what it is for.

Nothing that exists is ever changed; a file that is missing is written again.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot import shipped
from bot.errors import Refused
from bot.home import Home
from bot.profiles.secrets import ProfileSecrets

MAF_ENV = """\
# Settings of this home. A variable of the environment wins over a line here. Keep this file to yourself: it holds
# secrets.

# The token that @BotFather gives to your bot. With none, `maf up` starts a sandbox to try things in.
#MAF_BOT_TOKEN=

# Where drafts and alerts go. Unset: the chat in which the owner paired.
#MAF_SUPERVISOR_CHAT=

# Times are shown in this time zone; in quiet hours only emergencies buzz.
#MAF_TIMEZONE=Europe/Berlin
#MAF_QUIET_HOURS=22:00-07:30

# How long a draft may be sent after it was made; how many agents there may be; how much is logged (debug, info,
# warning, error). DEBUG_MODE logs all, and shows the insides of an error.
#MAF_DRAFT_TTL=30m
#MAF_MAX_AGENTS=50
#MAF_LOG_LEVEL=info
#DEBUG_MODE=false

# The project, if it is not the folder that holds this one.
#MAF_PROJECT_ROOT=

# The tmux server of the agents (`default` is your own) and the prefix of their sessions.
#MAF_TMUX_SOCKET=maf
#MAF_TMUX_SESSION=maf

# No agent is started with less free memory (in MB) or more load for each processor than this.
#MAF_MIN_FREE_MEMORY=300
#MAF_MAX_LOAD=12

# When you are reminded of a question that nobody answered; how long Codex waits for an answer from the chat before it
# asks in its pane as well (95s at most).
#MAF_PERMISSION_REMINDER=10m
#MAF_PERMISSION_WAIT=90s

# Whether an account that is nearly used up gets no more work (one that is used up never does); the account to use,
# instead of the one whose turn it is; how long what an account told is good for; how `maf quota status` looks (tmux,
# compact, table, json).
#MAF_QUOTA_ENFORCEMENT=true
#CODEX_PROFILE=
#QUOTA_CACHE_TTL=
#QUOTA_STATUS_FORMAT=table
#DEBUG_QUOTA=false

# Beads hand out the project's tasks. Agent Mail tells the agents of alerts and moves, where its server runs.
#ENABLE_BEADS_INTEGRATION=true
#ENABLE_AGENT_MAIL=false
#MAF_AGENT_MAIL_URL=http://127.0.0.1:8765
#MAF_AGENT_MAIL_TOKEN=

# PostgreSQL instead of the SQLite file in this folder, a database for each home: postgresql://user:password@host/database
#MAF_DATABASE_URL=

# Another Bot API server; and updates by webhook instead of polling: its public address, a secret of your choice, and
# where your proxy hands the requests on to.
#MAF_TELEGRAM_API=https://api.telegram.org
#MAF_WEBHOOK_URL=
#MAF_WEBHOOK_SECRET=
#MAF_WEBHOOK_LISTEN=127.0.0.1:8443
"""

AGENT_ENV = """\
# The environment of every agent, beside what its type and its profile add. KEY=value or export KEY="value"; nothing
# is executed. Tokens and keys of an account belong into secrets/PROFILE.env, which its agents alone get.
export PROJECT_ROOT={root}
export NODE_ENV="development"
export MAF_LOG_LEVEL="info"
export ENABLE_AGENT_MAIL="true"
export ENABLE_BEADS_INTEGRATION="true"
"""

# An agent that runs `git add -A` in the project must not commit tokens, logins and the store. Packs and configuration
# are a team's to share.
GITIGNORE = """\
/*
!/.gitignore
!/config/
!/packs/
"""
SECRETS_IGNORED = frozenset({"/*", "*", "/secrets", "/secrets/", "secrets", "secrets/"})

# What a service lacks and a person's shell has: without these an agent does not find its tools, its language and its
# keys.
LOGIN_VARIABLES = ("PATH", "HOME", "LANG", "SSH_AUTH_SOCK")
SHELL_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Made:
    """The home and what was written into it, names relative to the home; empty when all was there."""

    home: Home
    files: tuple[str, ...]


def make_home(home: Home, *, environment: Mapping[str, str]) -> Made:
    """Create what is missing of a home. Raises Refused when the folder cannot be made or is no folder."""
    written: list[str] = []
    try:
        new = not home.exists
        home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if new:
            home.root.chmod(0o700)
        for folder in (
            home.logs,
            home.logs / "agents",
            home.run,
            home.config,
            home.packs,
            home.root / "profiles",
            home.root / "monitoring",
        ):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = home.root.parent
        keep_secrets_from_git(home)
        ProfileSecrets(home).make_folder()
        for path, text in (
            (home.root / ".gitignore", GITIGNORE),
            (home.env_file, MAF_ENV),
            (home.agent_env, AGENT_ENV.format(root=quoted(str(root)))),
            (home.tmux_conf, (shipped.folder("deploy") / "tmux.conf").read_text(encoding="utf8")),
            (home.login_env, login_env(environment)),
        ):
            if write_new(path, text):
                written.append(str(path.relative_to(home.root)))
    except OSError as error:
        raise Refused(
            f"{home.root} cannot be made: {error.strerror or error}.", hint="Choose another place with --home."
        ) from error
    return Made(home, tuple(written))


def keep_secrets_from_git(home: Home) -> None:
    """The .gitignore of a home made earlier, or written by a person, may let new folders in."""
    path = home.root / ".gitignore"
    if path.is_file():
        text = path.read_text(encoding="utf8", errors="surrogateescape")
        if not SECRETS_IGNORED & {line.strip() for line in text.splitlines()}:
            end = "" if text.endswith("\n") or not text else "\n"
            with path.open("a", encoding="utf8") as file:
                file.write(f"{end}/secrets/\n")


def write_new(path: Path, text: str) -> bool:
    """Write a private file whole or not at all, unless it is there already."""
    if path.exists():
        return False
    part = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf8") as file:
        file.write(text)
    try:
        part.rename(path) if not path.exists() else part.unlink()
    finally:
        part.unlink(missing_ok=True)
    return True


def quoted(value: str) -> str:
    """A value between double quotes, as the readers of agent.env take it."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def login_env(environment: Mapping[str, str]) -> str:
    """KEY="value" lines for LOGIN_VARIABLES as the login shell has them; where that cannot be asked, as they are
    here.
    """
    known = {**{name: environment.get(name, "") for name in LOGIN_VARIABLES}, **ask_login_shell(environment)}
    lines = [f"{name}={quoted(value)}" for name in LOGIN_VARIABLES if (value := known.get(name, ""))]
    return (
        "# Written by `maf init` from your login shell; remove this file and run it again when they change.\n"
        + "\n".join(lines)
        + "\n"
    )


def ask_login_shell(environment: Mapping[str, str]) -> dict[str, str]:
    """What LOGIN_VARIABLES are in the person's login shell; {} when the shell does not answer."""
    try:
        shell = environment.get("SHELL", "") or pwd.getpwuid(os.getuid()).pw_shell
    except KeyError:  # a user by number alone, as containers have them
        return {}
    mark = "maf-login-env"
    script = f"echo {mark}; env -0 2>/dev/null || env"
    try:
        # Its own session: a start-up file of the shell must not grab the terminal that `maf init` runs in.
        answer = subprocess.run(
            [shell, "-l", "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SHELL_TIMEOUT_S,
            check=False,
            start_new_session=True,
            env=dict(environment),
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    _, _, said = answer.stdout.decode("utf8", "replace").partition(mark + "\n")
    pairs = (line.partition("=") for line in said.split("\0" if "\0" in said else "\n"))
    return {name: value for name, _, value in pairs if name in LOGIN_VARIABLES and value}
