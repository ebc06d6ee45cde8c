"""The blocking side of the control socket. Standard library only, and little of it: every hook of every agent starts
here.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bot.errors import DependencyMissing, RemoteError

CONNECT_TIMEOUT_S = 2.0


class NoBot(DependencyMissing):
    """No bot is running on this home."""

    code = "no_bot"
    hint = "Start it with: maf up"


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
    """A connected socket. Raises NoBot when nobody listens there."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.settimeout(CONNECT_TIMEOUT_S)
    try:
        link.connect(real_path(path))
    except OSError as error:
        link.close()
        raise NoBot() from error
    return link


def listens(path: str | os.PathLike[str]) -> bool:
    """Whether a bot answers there: the file alone may be left of one that was killed."""
    try:
        connect(path).close()
    except NoBot:
        return False
    return True


def call(
    path: str | os.PathLike[str],
    op: str,
    params: Mapping[str, Any],
    *,
    timeout: float,
    on_progress: Callable[[Any], None] | None = None,
) -> Any:
    """Let the running bot do one operation and return its result.

    Raises NoBot, BotGone, BotSlow (nothing for `timeout` seconds in all), RemoteError (the bot's own answer).
    """
    with connect(path) as link:
        for answer in _talk(link, {"op": op, "params": dict(params)}, timeout):
            if "progress" in answer:
                if on_progress is not None:
                    on_progress(answer["progress"])
            elif "error" in answer:
                raise _error(answer["error"])
            else:
                return answer.get("result")
    raise BotGone()


def tell_hook(path: str | os.PathLike[str], event: Mapping[str, Any], *, timeout: float) -> Any:
    """Hand a hook event to the bot; waits while the bot keeps the connection open, e.g. for a permission. -> object |
    None
    """
    with connect(path) as link:
        for answer in _talk(link, {"hook": dict(event)}, timeout):
            return answer.get("result")
    return None


def _talk(link: socket.socket, request: Mapping[str, Any], timeout: float) -> Iterator[dict[str, Any]]:
    deadline = time.monotonic() + timeout
    try:
        link.settimeout(timeout)
        link.sendall(json.dumps(request, ensure_ascii=False).encode("utf8", "surrogatepass") + b"\n")
        with link.makefile("rb") as lines:
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise BotSlow(f"The bot did not answer within {timeout:g} s.")
                link.settimeout(left)
                line = lines.readline()
                if not line.endswith(b"\n"):
                    return
                yield json.loads(line)
    except TimeoutError as error:
        raise BotSlow(f"The bot did not answer within {timeout:g} s.") from error
    except (ConnectionError, ValueError) as error:
        raise BotGone() from error


def _error(shape: Mapping[str, Any]) -> RemoteError:
    return RemoteError(
        str(shape.get("message", "")),
        code=str(shape.get("code", "error")),
        exit_code=int(shape.get("exit_code", 1)),
        hint=str(shape.get("hint", "")),
    )
