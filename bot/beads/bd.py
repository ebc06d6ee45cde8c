"""Running `bd` for one repo: one call at a time, bounded, JSON in whichever of its shapes.

stdin is /dev/null and only stdout is parsed: on stderr bd also prints hints and news. Arguments are a list, never a
shell line, and ids were checked before they come here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.errors import DependencyMissing
from bot.foreign import read_json

TIMEOUT_S = 30.0
_RETRY_AFTER_S = (0.3, 1.0, 2.5)
_LOCKED = re.compile(r"\block(ed|s)?\b|database is busy|try again", re.IGNORECASE)
_UNKNOWN_FLAG = re.compile(r"unknown flag|unexpected argument", re.IGNORECASE)
_MISSING = re.compile(r"no issue|not found", re.IGNORECASE)
_STALE_GUARD = 13  # bd 1.3: the --if-assignee/--if-status precondition no longer held, nothing was written


class BeadsError(DependencyMissing):
    """Beads did not answer."""

    code = "beads"
    hint = "Try `bd ready` in that folder; `maf doctor` checks it too."


class Bd:
    """The `bd` binary over one repo."""

    def __init__(self, binary: Path, repo: Path, env: Mapping[str, str], *, timeout: float = TIMEOUT_S) -> None:
        self._binary = binary
        self._repo = repo
        # BEADS_DIR and friends of the person's shell would point every repo to one database.
        self._env = {k: v for k, v in env.items() if not k.startswith(("BEADS_", "BD_"))} | {"NO_COLOR": "1"}
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._guards = True  # until this bd turns out not to know --readonly and --if-assignee

    async def read(self, *args: str, missing_ok: bool = False) -> list[Any]:
        """Run a reading command. With `missing_ok` an unknown id is an empty list. Raises BeadsError."""
        async with self._lock:
            readonly = ("--readonly",) if self._guards else ()
            code, out, err = await self._run(*readonly, *args)
            if code and readonly and _UNKNOWN_FLAG.search(err):
                self._guards = False
                code, out, err = await self._run(*args)
        if code and missing_ok and _MISSING.search(_error_text(out) or err):
            return []
        return self._payload(args[0], code, out, err)

    async def write(self, actor: str, *args: str) -> list[Any]:
        """Run a writing command as `actor`. Raises BeadsError."""
        async with self._lock:
            code, out, err = await self._run("--actor", actor, *args)
        return self._payload(args[0], code, out, err)

    async def release(self, bead: str, actor: str) -> bool:
        """In progress with `actor` -> open with nobody, compared and set in one step where bd can do that."""
        change = ("--actor", actor, "update", bead, "--status", "open", "--assignee", "")
        async with self._lock:
            if self._guards:
                guarded = (*change, "--if-assignee", actor, "--if-status", "in_progress")
                code, out, err = await self._run(*guarded)
                if code == _STALE_GUARD:
                    return False
                if not (code and _UNKNOWN_FLAG.search(err)):
                    self._payload("update", code, out, err)
                    return True
                self._guards = False
            code, out, err = await self._run("show", bead)
            shown = self._payload("show", code, out, err)
            held = shown[0] if shown and isinstance(shown[0], dict) else {}
            if held.get("assignee") != actor or held.get("status") != "in_progress":
                return False
            code, out, err = await self._run(*change)
            self._payload("update", code, out, err)
            return True

    async def _run(self, *args: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr; tried again while another process holds the database."""
        for pause in (*_RETRY_AFTER_S, None):
            code, out, err = await self._once(*args)
            if code == 0 or pause is None or not _LOCKED.search(err):
                break
            await asyncio.sleep(pause)
        return code, out, err

    async def _once(self, *args: str) -> tuple[int, str, str]:
        try:
            process = await asyncio.create_subprocess_exec(
                self._binary, "--json", *args,
                cwd=self._repo, env=self._env, start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            raise BeadsError(f"bd cannot be run ({self._binary}): {error.strerror}") from error
        try:
            async with asyncio.timeout(self._timeout):
                out, err = await process.communicate()
        except TimeoutError as error:
            raise BeadsError(f"bd did not answer within {self._timeout:g} s in {self._repo}.") from error
        finally:
            if process.returncode is None:  # timed out or cancelled: its own group, hooks included
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        return process.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    def _payload(self, command: str, code: int, out: str, err: str) -> list[Any]:
        if code:
            said = _error_text(out) or _error_text(err) or _first_line(err) or f"exit {code}"
            raise BeadsError(f"bd {command} failed in {self._repo}: {said}")
        try:
            return payload(read_json(out)) if out.strip() else []
        except ValueError as error:
            raise BeadsError(f"bd {command} answered something that is not JSON in {self._repo}.") from error


def payload(answer: Any) -> list[Any]:
    """The items of an answer: bare, or in the envelope `{"schema_version", "data"}` of BD_JSON_ENVELOPE and bd 2.

    >>> payload({"schema_version": 1, "data": [{"id": "a-1"}]}), payload({"id": "a-1"}), payload(None)
    ([{'id': 'a-1'}], [{'id': 'a-1'}], [])
    """
    if isinstance(answer, dict) and "schema_version" in answer and "data" in answer:
        answer = answer["data"]
    if isinstance(answer, list):
        return answer
    return [] if answer is None else [answer]


def _error_text(text: str) -> str:
    """`{"error": "…"}` of bd or `{"error": {"message": "…"}}` of br, wherever it stands in the text; else nothing."""
    for candidate in (text, *text.splitlines()):
        try:
            answer = read_json(candidate)
        except ValueError:
            continue
        for layer in (answer, answer.get("data") if isinstance(answer, dict) else None):
            error = layer.get("error") if isinstance(layer, dict) else None
            if isinstance(error, dict):
                error = error.get("message")
            if isinstance(error, str) and error:
                return error[:300]
    return ""


def _first_line(text: str) -> str:
    return next((line.strip()[:300] for line in text.splitlines() if line.strip()), "")
