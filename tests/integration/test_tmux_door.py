"""Clients that come and go at once, as commands without a bot do: the server and what runs in it must live."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess

import psutil

from bot.tmux.control import ControlClient
from bot.tmux.door import door
from bot.tmux.server import TmuxGone
from tests.patience import PATIENCE_S

ROUNDS, AT_ONCE = 20, 3
OPTIONS = ("show-options", "-g", ";", "show-options", "-s", ";", "show-hooks", "-g")


def said(socket: str, *words: str) -> str:
    return subprocess.run(
        ["tmux", "-S", socket, *words], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    ).stdout


async def come_and_go(socket: str) -> int:
    client = ControlClient(socket)
    try:
        await client.run("list-panes -a")
        return client.server_pid
    finally:
        await client.close()


async def test_the_server_lives_through_clients_that_come_and_go_at_once(control: ControlClient) -> None:
    (made,) = await control.run("new-session -d -s agent -- tail -f /dev/null")
    assert made.ok
    server, socket = control.server_pid, control.socket
    await control.close()
    for _ in range(ROUNDS):
        assert await asyncio.gather(*(come_and_go(socket) for _ in range(AT_ONCE))) == [server] * AT_ONCE
    again = ControlClient(socket)
    (listed,) = await again.run('list-sessions -F "#{session_name}"')
    await again.close()
    assert "agent" in listed.lines


async def test_a_server_that_hung_lives_through_who_asked_it_meanwhile(control: ControlClient) -> None:
    """Each client that gives up and comes again is news that the server meets when it goes on: it died of them."""
    (made,) = await control.run("new-session -d -s agent -- tail -f /dev/null")
    assert made.ok
    server, socket = control.server_pid, control.socket
    hasty = [ControlClient(socket, timeout=0.5) for _ in range(AT_ONCE)]
    for client in hasty:
        await client.run("list-panes -a")
    os.kill(server, signal.SIGSTOP)
    try:
        for _ in range(3):
            answers = await asyncio.gather(*(client.run("list-panes -a") for client in hasty), return_exceptions=True)
            assert {type(answer) for answer in answers} == {TmuxGone}
        process = psutil.Process()
        left = [child.cmdline() for child in process.children() if "-C" in child.cmdline()]
        assert len(left) <= 1, "of the clients that gave up none came again"  # that of the fixture
    finally:
        os.kill(server, signal.SIGCONT)
    for client in (control, *hasty):
        (listed,) = await client.run('list-sessions -F "#{session_name}"')
        assert "agent" in listed.lines
        assert client.server_pid == server
    for client in hasty:
        await client.close()


async def test_guests_of_a_persons_server_leave_nothing_behind(control: ControlClient) -> None:
    await control.run("new-session -d -s persons -- tail -f /dev/null")
    await control.close()
    before = said(control.socket, *OPTIONS)

    async def visit() -> int:
        client = ControlClient(control.socket, guest=True)
        try:
            await client.run("list-panes -a")
            return client.server_pid
        finally:
            await client.close()

    for _ in range(ROUNDS):
        assert await asyncio.gather(visit(), visit()) == [control.server_pid] * 2
    assert said(control.socket, *OPTIONS) == before
    assert said(control.socket, "list-sessions", "-F", "#{session_name}").split() == ["persons"]


async def test_the_door_lets_one_in_at_a_time_and_knows_servers_apart(tmux_socket: str) -> None:
    inside: list[str] = []

    async def enter(socket: str, name: str) -> None:
        async with door(socket):
            inside.append(f"{name} in")
            await asyncio.sleep(0)
            inside.append(f"{name} out")

    async with door(tmux_socket):
        waiting = asyncio.create_task(enter(tmux_socket, "same"))
        await enter(tmux_socket + "2", "other")
        assert inside == ["other in", "other out"]
    await waiting
    assert inside[2:] == ["same in", "same out"]
