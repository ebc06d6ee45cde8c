"""`codex app-server` (0.169.0): asks an account for its limits, live and at no cost in tokens.

Newline-delimited JSON over stdio. One short process per question: it takes about 0.3 s, leaves no daemon behind, and
a hanging or babbling one harms nobody. It refreshes its own login; we never touch auth.json.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.clis.program import find_program
from bot.foreign import read_json

TIMEOUT_S = 15.0
MAX_LINE = 1_000_000
# What it says of a login that ran out or was revoked; account/read still names the account then.
_SPENT = re.compile(r"\b401 Unauthorized\b|\b(?:log|sign) ?in again\b", re.IGNORECASE)
INSTALL = "Install it with `npm install -g @openai/codex`."


class AppServerError(Exception):
    """The app-server did not answer as it should; the text says how, for the list of sources."""


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """`login` is ok, needed, or unknown (an API key, which has no limits to ask for).

    `families` are the limit families as the server sent them, in camel case, by limit id. `allowed` is false where the
    server says that the account may not be used now, whatever its windows hold.
    """

    login: str
    families: dict[str, dict[str, Any]]
    allowed: bool | None = None


@dataclass(frozen=True, slots=True)
class _Pipe:
    """Both ends of a running app-server."""

    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader

    @classmethod
    def of(cls, process: asyncio.subprocess.Process) -> _Pipe:
        if process.stdin is None or process.stdout is None:
            raise AppServerError("codex app-server has no pipes")
        return cls(process.stdin, process.stdout)

    def send(self, message: Mapping[str, Any]) -> None:
        self.stdin.write(json.dumps(message).encode() + b"\n")


async def read_limits(
    home: Path, environment: Mapping[str, str], *, path: str | None = None, timeout: float = TIMEOUT_S
) -> AccountLimits:
    """Ask the account of one CODEX_HOME. Raises AppServerError; DependencyMissing without codex."""
    program = find_program("codex", install=INSTALL, path=path)
    env = {**os.environ, **environment, "CODEX_HOME": str(home)}
    for secret in [name for name in env if name.startswith("MAF_")]:
        del env[secret]
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            "app-server",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=env,
            limit=MAX_LINE,
            start_new_session=True,
        )
    except OSError as error:
        raise AppServerError(f"codex app-server does not start: {error}") from error
    try:
        async with asyncio.timeout(timeout):
            return await _converse(_Pipe.of(process))
    except TimeoutError:
        raise AppServerError(f"codex app-server did not answer within {timeout:.0f} s") from None
    finally:
        await _end(process)


async def _converse(pipe: _Pipe) -> AccountLimits:
    await _ask(pipe, 1, "initialize", {"clientInfo": {"name": "maf", "title": "maf", "version": "1"}})
    pipe.send({"method": "initialized"})
    account = await _ask(pipe, 2, "account/read", {})
    if account.get("account") is None:
        return AccountLimits("needed" if account.get("requiresOpenaiAuth") is True else "unknown", {})
    try:
        limits = await _ask(pipe, 3, "account/rateLimits/read", None)
    except AppServerError as error:
        if _SPENT.search(str(error)):
            return AccountLimits("needed", {})
        raise
    families = limits.get("rateLimitsByLimitId")
    if not isinstance(families, dict) or not families:
        families = {"codex": limits.get("rateLimits")}
    allowed = limits.get("ordinaryUsageAllowed")
    known = {str(k): v for k, v in families.items() if isinstance(v, dict)}
    return AccountLimits("ok", known, allowed if isinstance(allowed, bool) else None)


async def _ask(pipe: _Pipe, number: int, method: str, params: Any) -> dict[str, Any]:
    """One request and its answer; notifications and rubbish in between are passed over."""
    message = {"id": number, "method": method}
    pipe.send(message if params is None else {**message, "params": params})
    while True:
        try:
            line = await pipe.stdout.readline()
        except ValueError:
            raise AppServerError("codex app-server sent a line of over 1 MB") from None
        if not line:
            raise AppServerError(f"codex app-server ended before it answered {method}")
        try:
            answer = read_json(line)
        except ValueError:
            continue
        if not isinstance(answer, dict) or answer.get("id") != number:
            continue
        if isinstance(answer.get("result"), dict):
            return dict(answer["result"])
        error = answer.get("error")
        text = str(error.get("message", "")) if isinstance(error, dict) else "no result"
        raise AppServerError(f"codex app-server: {text[:200]}")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close its input, which ends it; kill its group (launcher and native program) if that is not enough."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(2):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        await process.wait()
