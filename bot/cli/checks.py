"""What `maf doctor` looks at. Each check says what it saw and, where something is wrong, what to do."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bot.clis.versions import is_unknown, known_versions, version_in
from bot.errors import MafError, Refused
from bot.foreign import read_json
from bot.home import Home

if TYPE_CHECKING:
    from bot.settings import Settings

Status = Literal["ok", "warning", "failure"]
VERSION_TIMEOUT_S = 15
TELEGRAM_TIMEOUT_S = 10
MAIL_TIMEOUT_S = 10
BOT_TIMEOUT_S = 5.0
MEGABYTE = 1024 * 1024
DISK_FAILS, DISK_WARNS = 100 * MEGABYTE, 1024 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor; `fix` is a command or a sentence, empty when there is nothing to do."""

    name: str
    status: Status
    detail: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"name": self.name, "status": self.status, "detail": self.detail, "fix": self.fix}


def all_checks(home: Home) -> Iterator[Check]:
    """Every quick check, in the order in which a person would mend them."""
    from bot.agents.environment import login_environment
    from bot.cli.secrets_check import secrets

    yield python()
    yield tmux()
    login = login_environment(home)
    path = login.get("PATH", os.environ.get("PATH", os.defpath))
    yield program("git", path, "failure", "Install git.")
    yield program(
        "bd", path, "warning", "Install Beads (bd); without it beads are read only, from .beads/issues.jsonl."
    )
    yield program("codex", path, "warning", "Install Codex, if you want Codex agents: npm install -g @openai/codex")
    claude = "Install Claude Code, if you want Claude agents: npm install -g @anthropic-ai/claude-code"
    yield program("claude", path, "warning", claude)
    yield home_folder(home)
    yield login_env(home)
    yield secrets(home)
    found, settings = read_settings(home)
    yield found
    yield running(home)
    yield from chats(home)
    if settings is not None:
        yield database(home, settings)
        yield token(home)
        if settings.enable_agent_mail:
            yield agent_mail(settings)
    yield disk(home)


def guarded(name: str, look: Callable[[], Check]) -> Check:
    """A check whose own failure is its finding."""
    try:
        return look()
    except MafError as error:
        return Check(name, "failure", error.message, error.hint)
    except OSError as error:
        return Check(name, "failure", str(error), "See above; the file or program named there cannot be used.")


def python() -> Check:
    """Only a Python that is new enough comes this far; the line is for whoever reads the report."""
    return Check("python", "ok", f"Python {sys.version.split()[0]} in {sys.prefix}")


def tmux() -> Check:
    """Warns below tmux 3.2, fails where there is none."""

    def look() -> Check:
        from bot.tmux.server import find_version

        version = find_version()
        if version.untested:
            return Check(
                "tmux", "warning", f"{version.text} is older than 3.2, the oldest tested.", "Install a newer tmux."
            )
        return Check("tmux", "ok", version.text)

    return guarded("tmux", look)


def program(name: str, path: str, missing: Status, fix: str) -> Check:
    """Whether a program is on the PATH that agents get, and runs."""
    found = shutil.which(name, path=path)
    if found is None:
        return Check(name, missing, f"{name} is not on the PATH.", fix)
    try:
        answer = subprocess.run(
            [found, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False,
            stdin=subprocess.DEVNULL, errors="replace",
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(name, missing, f"{found} does not run: {type(error).__name__}.", fix)
    said = (answer.stdout or answer.stderr).strip().splitlines()
    if answer.returncode:
        return Check(name, missing, f"{found} --version ends with {answer.returncode}.", fix)
    detail = f"{said[0] if said else name} ({found})"
    return _untried(name, version_in(detail), detail) or Check(name, "ok", detail)


def _untried(kind: str, version: str, detail: str) -> Check | None:
    """A warning for a CLI whose screens we have no captures of."""
    if not is_unknown(kind, version):
        return None
    fix = f"maf knows the screens of {', '.join(known_versions(kind))}. If a state looks wrong: maf agent explain ID"
    return Check(kind, "warning", f"{detail}: a version that maf was not tried with.", fix)


def home_folder(home: Home) -> Check:
    """Fails where we cannot write, or where others can read what holds secrets."""
    if not home.exists:
        return Check("home", "warning", f"There is no home yet ({home.root}).", "Run: maf init")
    if not os.access(home.root, os.R_OK | os.W_OK | os.X_OK):
        return Check(
            "home", "failure", f"{home.root} cannot be written.", f"Make it yours: sudo chown -R $USER {home.root}"
        )
    open_to_others = [
        path
        for path in (home.root, home.env_file, home.run, home.database)
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) and not _inside_private(path, home)
    ]
    if open_to_others:
        return Check("home", "failure", f"Others can read {open_to_others[0]}.", f"Run: chmod -R go= {home.root}")
    return Check("home", "ok", str(home.root))


def _inside_private(path: Path, home: Home) -> bool:
    """Whether nobody else can come to this file, whatever its own mode is."""
    return path != home.root and not home.root.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def login_env(home: Home) -> Check:
    """What agents have of the login shell: the programs that are found here, a folder to be at home in, and the SSH
    agent with the keys."""
    from bot.agents.environment import SSH
    from bot.envfile import read_env

    def look() -> Check:
        if not home.exists:
            return Check("login environment", "ok", "Captured by maf init.")
        login = read_env(home.login_env)
        if wrong := _lacks(login):
            return Check("login environment", "warning", wrong, f"Run: rm {home.login_env} && maf init")
        language = f"LANG={login['LANG']}" if "utf" in login.get("LANG", "").lower() else "no UTF-8: agents get C.UTF-8"
        keys = ", SSH agent" if login.get(SSH) else ""
        return Check("login environment", "ok", f"PATH, HOME={login['HOME']}, {language}{keys}")

    return guarded("login environment", look)


def _lacks(login: Mapping[str, str]) -> str:
    """What an agent that is started with this would miss; "" if nothing."""
    from bot.agents.environment import SSH

    if not login.get("PATH") or not login.get("HOME"):
        return "PATH, HOME and LANG of your login shell are not known."
    here = os.environ.get("PATH", os.defpath)
    lost = [
        name
        for name in ("codex", "claude", "bd", "git", "node", "tmux")
        if shutil.which(name, path=here) and not shutil.which(name, path=login["PATH"])
    ]
    if lost:
        return f"Agents would not find {', '.join(lost)}, which you have here."
    if not Path(login["HOME"]).is_dir():
        return f"The HOME of maf init is no folder: {login['HOME']}."
    if (captured := login.get(SSH)) and not Path(captured).exists():
        return f"The SSH agent of maf init is gone ({captured})."
    if not captured and (own := os.environ.get(SSH)) and Path(own).exists():
        return "Agents would not find your SSH agent, which you have here."
    return ""


def read_settings(home: Home) -> tuple[Check, Settings | None]:
    from bot.cli.sandbox_home import settings_of

    try:
        return Check("settings", "ok", f"{home.env_file} and the environment"), settings_of(home)
    except MafError as error:
        return Check("settings", "failure", error.message, error.hint), None


def running(home: Home) -> Check:
    """Fails where a bot holds the lock and does not answer; none at all is a warning."""
    from bot.cli.call import ask_bot
    from bot.remote.lock import holder

    try:
        answer = ask_bot(home)
    except MafError as error:
        mend = error.hint if isinstance(error, Refused) else f"Stop it ({holder(home.lock)}) and start it again: maf up"
        return Check("bot", "failure", error.message, mend)
    if answer is None:
        who = holder(home.lock)
        if who.endswith(" bot"):
            return Check("bot", "warning", f"A bot is starting or stopping (process {who.split()[0]}).")
        return Check("bot", "warning", "No bot is running.", "Start it: maf up")
    return Check("bot", "ok", f"Running (process {answer.get('pid')}, version {answer.get('version')}).")


def chats(home: Home) -> Iterator[Check]:
    """What the running bot cannot tell because of the chat; a failure where somebody is to be told something."""
    from bot.remote import client

    try:
        found = client.call(home.socket, "chats.closed", {}, timeout=BOT_TIMEOUT_S)
    except MafError:  # no bot, or one that does not answer, which is a finding of its own
        return
    if not found:
        yield Check("chats", "ok", "Nothing waits for a chat that cannot be written to.")
        return
    from bot.operations.closed import in_words

    let = "Let the bot write there, or choose another chat with MAF_SUPERVISOR_CHAT. It tries again by itself."
    for one in found:
        fix = let if one["chat"] is not None else "Run: maf pair"
        yield Check("chats", "failure" if one["for_you"] else "warning", in_words(one), fix)


def database(home: Home, settings: Settings) -> Check:
    """Fails where the tables are older than the code, or newer, or cannot be read."""

    def look() -> Check:
        from bot.cli.db import state
        from bot.store import migrate

        found = state(home, settings)
        migrate.known(found.current, "The store")
        current = found.current in {None, found.newest}
        return Check("database", "ok" if current else "failure", found.words, "" if current else "Run: maf db upgrade")

    return guarded("database", look)


def token(home: Home) -> Check:
    """Ask Telegram who the bot is. The token stands in the address, so no error text of the library is shown."""
    from bot.settings import load_settings

    settings = load_settings(home)  # not the sandbox's: it is the person's own bot that is asked for
    if settings.bot_token is None:
        return Check(
            "telegram", "warning", "MAF_BOT_TOKEN is not set; maf up starts a sandbox.", "Get one from @BotFather."
        )
    import httpx

    address = f"{settings.telegram_api.rstrip('/')}/bot{settings.bot_token.get_secret_value()}/getMe"
    try:
        answer = httpx.get(address, timeout=TELEGRAM_TIMEOUT_S)
        shape = read_json(answer.content)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        detail = f"{settings.telegram_api} does not answer ({type(error).__name__})."
        return Check("telegram", "failure", detail, "Check the network and MAF_TELEGRAM_API.")
    result = shape.get("result") if isinstance(shape, dict) and shape.get("ok") is True else None
    if answer.status_code == 200 and isinstance(result, dict):
        return Check("telegram", "ok", f"@{result.get('username', '?')}")
    if answer.status_code in {401, 404}:
        return Check(
            "telegram", "failure", "Telegram does not know this MAF_BOT_TOKEN.", "Copy it again from @BotFather."
        )
    return Check("telegram", "failure", f"Telegram answers {answer.status_code}.", "Try again later.")


def agent_mail(settings: Settings) -> Check:
    """Whether the server answers and takes our token; a server that lets everybody in on loopback takes any."""

    def look() -> Check:
        from bot.mail import AgentMail

        mail = AgentMail(settings.agent_mail_url, settings.agent_mail_token, timeout=MAIL_TIMEOUT_S)
        asyncio.run(mail.check())
        return Check("agent mail", "ok", mail.place)

    return guarded("agent mail", look)


def disk(home: Home) -> Check:
    """Warns and fails by the free space of the file system that holds the home, or will hold it."""
    place = home.root
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    said = f"{free // MEGABYTE:,} MB free where {place} lies"
    if free < DISK_FAILS:
        return Check("disk", "failure", said, "Free some space; nothing can be stored soon.")
    return Check(
        "disk", "warning" if free < DISK_WARNS else "ok", said, "Free some space." if free < DISK_WARNS else ""
    )
