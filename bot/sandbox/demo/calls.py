"""The tool calls of a turn of the demo agent, which wait for a permission side by side as those of the real CLIs do:
each may tell a hook, which answers it, and may show a dialog, one at a time, while the hook waits or after it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Sequence
from typing import Any

from bot.sandbox.demo.transcript import Transcript
from bot.sandbox.demo.turn import Planned

POLL_S = 0.05


class Call:
    """One call. `end` is empty until it has run ("done"), was denied ("failed") or refused; `by`: user, hook, rule."""

    def __init__(self, planned: Planned, began: float) -> None:
        self.planned = planned
        self.id = os.urandom(4).hex()
        self.hook_at = began + planned.hook if planned.hook is not None else None
        self.dialog_at = began + planned.dialog if planned.dialog is not None else None
        self.hook: Hook | None = None
        self.end = self.by = ""

    @property
    def waits(self) -> bool:
        """Does it wait for its hook, or for the time of it?"""
        return self.hook_at is not None or (self.hook is not None and not self.hook.ended)


class Calls:
    """All calls of a turn. `hook`: the command line that is given each event, empty for none; `hooks`: where those that
    run are kept."""

    def __init__(self, planned: Sequence[Planned], transcript: Transcript, hook: str, hooks: list[Hook]) -> None:
        now = time.monotonic()
        self._transcript = transcript
        self._hook, self._hooks = hook, hooks
        self.all = [Call(one, now) for one in planned]
        self.shown: list[Call] = []  # dialogs, the first is the one that stands there
        for call in self.all:
            self._write(call, {"input": {"command": call.planned.command}})

    @property
    def done(self) -> bool:
        return all(call.end for call in self.all)

    def tick(self, now: float) -> list[Call]:
        """Let hooks begin and answer, and dialogs come up; the calls that ended because of it."""
        ended = []
        for call in self.all:
            if call.end:
                continue
            if call.hook_at is not None and now >= call.hook_at:
                call.hook_at = None
                call.hook = self._tell("PermissionRequest", call)
            if call.hook is not None and (said := call.hook.read()):
                self._end(call, "done" if said == "allow" else "failed", "hook")
                ended.append(call)
                continue
            due = call.dialog_at is not None and now >= call.dialog_at
            if due and not (call.planned.after and call.waits):
                call.dialog_at = None
                self.shown.insert(0 if call.planned.front else len(self.shown), call)
        return ended

    def allow(self) -> Call:
        """Somebody said yes at the dialog."""
        call = self.shown[0]
        self._end(call, "done", "user")
        return call

    def grant(self) -> list[Call]:
        """All that wait are allowed from now on."""
        waiting = [call for call in self.all if not call.end]
        for call in waiting:
            self._end(call, "done", "rule")
        return waiting

    def abort(self) -> None:
        """The turn was stopped: nobody answers these any more, and their hooks are killed."""
        for call in self.all:
            if not call.end:
                self._end(call, "refused", "user" if call in self.shown[:1] else "")
            if call.hook is not None:
                call.hook.kill()

    def close(self) -> None:
        """The turn has ended."""
        if self.all:
            self._tell("Stop")

    def _end(self, call: Call, end: str, by: str) -> None:
        call.end, call.by = end, by
        if call in self.shown:
            self.shown.remove(call)
        self._write(call, {"result": True, "error": end != "done", "refused": end == "refused", "by": by})
        if end == "done":
            self._tell("PostToolUse", call)

    def _write(self, call: Call, data: dict[str, Any]) -> None:
        record = self._transcript.aside if call.planned.subagent else self._transcript.write
        record("tool", call.planned.command, id=call.id, data={"name": "Bash", **data})

    def _tell(self, event: str, call: Call | None = None) -> Hook | None:
        if not self._hook or (call is not None and call.planned.hook is None):
            return None
        payload: dict[str, Any] = {"hook_event_name": event, "session_id": self._transcript.id, "cwd": os.getcwd()}  # noqa: PTH109
        if call is not None:
            payload |= {"tool_name": "Bash", "tool_input": {"command": call.planned.command}}
            payload |= {"agent_id": call.planned.subagent} if call.planned.subagent else {}
        self._hooks.append(Hook(self._hook, json.dumps(payload).encode()))
        return self._hooks[-1]


class Hook:
    """A hook that runs."""

    def __init__(self, command: str, payload: bytes) -> None:
        given, give = os.pipe()
        self._out, out = os.pipe()
        actions: list[Any] = [(os.POSIX_SPAWN_DUP2, given, 0), (os.POSIX_SPAWN_DUP2, out, 1)]
        actions.append((os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_RDWR, 0))
        self._pid = os.posix_spawn("/bin/sh", ["sh", "-c", f"exec {command}"], os.environ, file_actions=actions)
        os.close(given)
        os.close(out)
        os.write(give, payload)
        os.close(give)
        flags = fcntl.fcntl(self._out, fcntl.F_GETFL)
        fcntl.fcntl(self._out, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        self._said = b""
        self.ended = False

    def read(self) -> str:
        """What it decided; empty while it waits, and where it ended without."""
        while not self.ended:
            try:
                data = os.read(self._out, 65536)
            except BlockingIOError:
                return ""
            self._said += data
            if not data:
                self.ended = True
                os.close(self._out)
                os.waitpid(self._pid, 0)
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return str(json.loads(self._said)["hookSpecificOutput"]["decision"]["behavior"])
        return ""

    def kill(self) -> None:
        if not self.ended:
            os.kill(self._pid, signal.SIGTERM)
