"""Acting from within an agent: a program that a demo agent runs beside itself, as a CLI runs its tools and hooks.

    python -I -S tests/in_agent.py FOLDER      (DEMO_TOOL of agent.env, see bot/sandbox/agent.py)

It listens at FOLDER/$MAF_AGENT, or FOLDER/adopted in an agent that a person started. A request is one JSON object with
two file descriptors: {"argv": […], "env": {…}|null} runs that with them as stdin and stdout, and answers its exit code;
{"connect": PATH} answers with a socket that is connected to PATH, for whoever is at the other end asks the kernel who
connected.
"""

from __future__ import annotations

import array
import asyncio
import json
import os
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

HERE = Path(__file__)


def tool(folder: Path) -> str:
    """The line of agent.env that lets agents take requests in this folder."""
    return f'DEMO_TOOL="{sys.executable} -I -S {HERE} {folder}"\n'


async def run(
    folder: Path, agent: str, argv: list[str], *, stdin: bytes = b"", env: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Run this as a child of the agent's CLI; (exit code, what it wrote to stdout and stderr)."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out:
        given.write(stdin)
        given.seek(0)
        request = {"argv": argv, "env": env}
        answer, _ = await asyncio.to_thread(_ask, folder / agent, request, [given.fileno(), out.fileno()])
        out.seek(0)
        return int(answer["code"]), out.read()


async def connect(folder: Path, agent: str, path: Path) -> socket.socket:
    """A connection to `path` that a child of the agent's CLI has made."""
    target = os.readlink(path) if path.is_symlink() else str(path)  # noqa: PTH115
    _, given = await asyncio.to_thread(_ask, folder / agent, {"connect": target}, [0, 1])
    return socket.socket(fileno=given[0])


def _ask(path: Path, request: dict[str, Any], descriptors: list[int]) -> tuple[dict[str, Any], list[int]]:
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(path))
        socket.send_fds(link, [json.dumps(request).encode() + b"\n"], descriptors)
        said, given, _, _ = socket.recv_fds(link, 65536, 1)
        return json.loads(said), list(given)


def _serve(link: socket.socket) -> None:
    with link:
        said, given, _, _ = socket.recv_fds(link, 1 << 20, 2)
        request = json.loads(said)
        if path := request.get("connect"):
            made = socket.socket(socket.AF_UNIX)
            made.connect(path)
            link.sendmsg([b"{}"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [made.fileno()]))])
            made.close()
        else:
            env = request["env"] if request["env"] is not None else dict(os.environ)
            stdin, out = given
            actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
            pid = os.posix_spawnp(request["argv"][0], request["argv"], env, file_actions=actions)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            link.sendall(json.dumps({"code": code}).encode())
        for descriptor in given:
            os.close(descriptor)


def main(folder: str) -> None:
    path = f"{folder}/{os.environ.get('MAF_AGENT', 'adopted')}"
    if os.path.lexists(path):
        os.unlink(path)  # noqa: PTH108
    door = socket.socket(socket.AF_UNIX)
    door.bind(path)
    door.listen(16)
    while True:
        link, _ = door.accept()
        threading.Thread(target=_serve, args=(link,), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1])
