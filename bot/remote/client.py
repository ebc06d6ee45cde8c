"""The blocking side of the control socket. Standard library only, and little of it: every hook of every agent starts
here.
"""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Mapping
from typing import Any

from bot.errors import DependencyMissing, Refused, RemoteError

CONNECT_TIMEOUT_S = 2.0
# Why nobody can listen there; beside these a path that is too long for a socket, which has no number.
NOBODY = frozenset({errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})


class NoBot(DependencyMissing):
    """No bot is running on this home."""

    code = "no_bot"
    hint = "Start it with: maf up"


class Sandboxed(Refused):
    """This runs in a sandbox that lets nothing out to the bot, as that of Codex; nothing was done."""

    code = "sandboxed"
    hint = (
        "To let Codex run some of maf outside of it, write a line for each into $CODEX_HOME/rules/maf.rules, like"
        ' prefix_rule(pattern=["maf", "task", "claim"], decision="allow"), and start the agent again.'
    )


class NotYours(Refused):
    """The bot of this home is another user's."""

    code = "not_yours"
    hint = "Use the account that runs it, or --home with one of yours."


class BotGone(DependencyMissing):
    """The bot went away before it answered; what it had begun is finished or told when it starts again."""

    code = "bot_gone"
    hint = "Whether it runs: maf doctor"


class BotSlow(DependencyMissing):
    """The bot did not answer in time."""

    code = "bot_slow"
    hint = "What it does: maf logs tail"


def real_path(path: str | os.PathLike[str]) -> str:
    """Where the socket really is: under a long home it is a link to a short path (see server.py)."""
    text = os.fspath(path)
    try:
        return os.readlink(text)  # noqa: PTH115 - a hook must not pay for the import of pathlib
    except OSError:
        return text


def connect(path: str | os.PathLike[str]) -> socket.socket:
    """A connected socket. Raises NoBot when nobody listens there, Sandboxed, NotYours, BotSlow."""
    try:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except PermissionError as error:
        raise Sandboxed() from error
    link.settimeout(CONNECT_TIMEOUT_S)
    try:
        link.connect(real_path(path))
    except OSError as error:
        link.close()
        raise _why(error) from error
    return link


def _why(error: OSError) -> Refused | DependencyMissing:
    """Why there is no connection. Only a socket at which nobody listens means that there is no bot: with another one
    taken for it a command would act beside the bot."""
    if error.errno == errno.EPERM:  # of a filter of system calls; the rights of the file give EACCES
        return Sandboxed()
    if error.errno == errno.EACCES:
        return NotYours()
    if error.errno in NOBODY or (error.errno is None and not isinstance(error, TimeoutError)):
        return NoBot()
    return BotSlow()


def listens(path: str | os.PathLike[str]) -> bool:
    """Whether a bot answers there: the file alone may be left of one that was killed."""
    try:
        connect(path).close()
    except NoBot:
        return False
    except BotSlow:
        pass
    return True


def call(path: str | os.PathLike[str], op: str, params: Mapping[str, Any], *, timeout: float) -> Any:
    """Let the running bot do one operation and return its result.

    Raises NoBot, Sandboxed, NotYours, BotGone, BotSlow (no answer within `timeout` seconds), RemoteError (the bot's own
    answer).
    """
    answer = _ask(path, {"op": op, "params": dict(params)}, timeout)
    if answer is None:
        raise BotGone()
    if "error" in answer:
        raise _error(answer["error"])
    return answer.get("result")


def tell_hook(path: str | os.PathLike[str], event: Mapping[str, Any], *, timeout: float) -> Any:
    """Hand a hook event to the bot; waits while the bot keeps the connection open, e.g. for a permission. -> object |
    None
    """
    answer = _ask(path, {"hook": dict(event)}, timeout)
    return answer.get("result") if answer is not None else None


def _ask(path: str | os.PathLike[str], request: Mapping[str, Any], timeout: float) -> dict[str, Any] | None:
    """The answer to one request; None where the bot hung up without one."""
    with connect(path) as link:
        try:
            link.settimeout(timeout)
            link.sendall(json.dumps(request, ensure_ascii=False).encode("utf8", "surrogatepass") + b"\n")
            with link.makefile("rb") as lines:
                line = lines.readline()
            answer: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
        except TimeoutError as error:
            raise BotSlow(f"The bot did not answer within {timeout:g} s.") from error
        except (ConnectionError, ValueError) as error:
            raise BotGone() from error
    return answer


def _error(shape: Mapping[str, Any]) -> RemoteError:
    return RemoteError(
        str(shape.get("message", "")),
        code=str(shape.get("code", "error")),
        exit_code=int(shape.get("exit_code", 1)),
        hint=str(shape.get("hint", "")),
    )
