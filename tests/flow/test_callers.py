"""Who calls the bot, asked of the kernel: real agents in real panes, real `maf`, and a person's own shell."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest

import bot
from bot.cli import menu
from bot.cli.rights import COMMANDS, For
from bot.cli.root import Root
from bot.operations import OPERATIONS
from bot.operations.rights import RIGHTS
from tests import in_agent
from tests.flow.product import Product, product, socket_of, until
from tests.integration.app_home import tmux
from tests.private_tmux import end_server

MAF = str(Path(sys.executable).with_name("maf"))
# Asks for every operation with a parameter that none has, so that nothing is done: what is allowed is wrong usage.
ASK_ALL = """
import json, sys
from bot.errors import MafError
from bot.remote import client
told = {}
for op in json.loads(sys.argv[2]):
    try:
        client.call(sys.argv[1], op, {"nonsense": 1, "id": "w1", "agent": "w1"}, timeout=60)
    except MafError as error:
        told[op] = error.code
print(json.dumps(told))
"""


@pytest.fixture
async def p(tmp_path: Path) -> AsyncIterator[Product]:
    async with product(tmp_path, agents=2) as made:
        for agent in made.agents:
            await until((made.doors / agent).exists, what="the agent's tool")
        yield made


async def maf(p: Product, *words: str, agent: str = "w1") -> tuple[int, str]:
    """`maf …` as a child of an agent's CLI."""
    code, out = await in_agent.run(p.doors, agent, [MAF, *words])
    return code, out.decode()


def ask_all(p: Product) -> list[str]:
    return [sys.executable, "-c", ASK_ALL, str(p.home.socket), json.dumps(sorted(OPERATIONS))]


async def newest(p: Product, action: str) -> dict[str, Any]:
    return next(entry for entry in await p.app.call("audit", {}) if entry["action"] == action)


def test_every_operation_has_an_entry() -> None:
    assert RIGHTS.keys() == OPERATIONS.keys()


async def test_an_agent_may_read_and_for_itself_claim_and_run(p: Product) -> None:
    code, out = await in_agent.run(p.doors, "w1", ask_all(p))
    assert code == 0, out
    told = json.loads(out)
    allowed = {op for op, error in told.items() if error == "usage"}
    assert allowed == {op for op, right in RIGHTS.items() if right.reads or right.own}
    assert {told[op] for op in RIGHTS.keys() - allowed} == {"not_for_agents"}

    assert await maf(p, "agent", "run", "w1", "echo hello") == (0, "hello\n")
    code, out = await maf(p, "agent", "run", "w1", f"{MAF} pair --role owner")  # its window is the agent's, too
    assert (code, "for a person" in out) == (1, True)
    assert (await newest(p, "agent.run"))["actor"] == "agent:w1"
    code, out = await maf(p, "task", "claim", "--agent", "w1")
    assert code == 0
    assert (await p.app.services.claims.of("w1"))[0].bead in out
    for words in (("agent", "run", "w2", "echo no"), ("task", "claim", "--agent", "w2")):
        code, out = await maf(p, *words)
        assert (code, out.count("\n")) == (1, 1), out
        assert "for itself" in out
    assert await p.app.services.claims.of("w2") == []


@pytest.mark.parametrize(
    "way",
    [
        *("env -u MAF_AGENT -u MAF_HOME {}", "env -i {}", "setsid -w {}", "env -i setsid -w {}"),
        *("env MAF_AGENT=w2 {}", "orphan"),
    ],
)
async def test_an_agent_is_one_however_it_calls(p: Product, way: str, tmp_path: Path) -> None:
    asks = shlex.join([MAF, "--home", str(p.home.root), "pair", "--role", "owner", "--json"])
    if way == "orphan":  # a double fork, a session of its own, nothing left in its environment, and its parents gone
        out = tmp_path / "said"
        script = f"(env -i setsid sh -c {shlex.quote(f'sleep 0.5; {asks} > {out}.part 2>&1; mv {out}.part {out}')} &) &"
        assert await in_agent.run(p.doors, "w1", ["sh", "-c", script]) == (0, b"")
        await until(out.exists, what="the orphan's call")
        said = out.read_text()
    else:
        code, raw = await in_agent.run(p.doors, "w1", ["sh", "-c", way.format(asks)])
        assert code == 1
        said = raw.decode()
    assert json.loads(said)["error"]["code"] == "not_for_agents"
    who = ["sh", "-c", way.format(shlex.join([sys.executable, "-c", WHO, str(p.home.socket)]))]
    if way != "orphan":
        assert json.loads((await in_agent.run(p.doors, "w1", who))[1])["agent"] == "w1"


WHO = """
import json, sys
from bot.remote import client
print(json.dumps(client.call(sys.argv[1], "whoami", {"actor": "cli:olga"}, timeout=60)))
"""


PERSONS_ONLY = sorted(words for words, who in COMMANDS.items() if who is For.PERSONS)
ARGUMENTS = {"agent attach": ["w2"], "db backup": ["copy.db"], "db restore": ["copy.db"], "pack new": ["x"]}


def test_every_command_has_an_entry() -> None:
    def walk(group: click.Group, above: str) -> Iterator[str]:
        context = click.Context(group)
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            words = f"{above} {name}".strip()
            if isinstance(found, click.Group):
                yield from walk(found, words)
            else:
                yield words

    assert set(walk(Root("maf", lazy=menu.COMMANDS), "")) == COMMANDS.keys()


async def test_what_is_done_without_the_bot_is_for_persons_too(p: Product) -> None:
    async def refused(*words: str) -> None:
        code, out = await maf(p, *words)
        assert (code, out.count("\n")) == (1, 1), (words, out)
        assert "for a person" in out

    for words in (*PERSONS_ONLY, "doctor --full"):
        await refused(*words.split(), *ARGUMENTS.get(words, []))
    p.bot.cancel()
    await until(p.bot.done, what="the end of the bot")
    for words in PERSONS_ONLY:
        await refused(*words.split(), *ARGUMENTS.get(words, []))
    await refused("agent", "stop", "w2")
    assert json.loads((await maf(p, "agent", "show", "w1", "--json"))[1])["id"] == "w1"


async def test_an_agent_that_a_person_started_is_one_and_the_shell_beside_it_is_not(p: Product, tmp_path: Path) -> None:
    """Nothing in its environment says so: the process of its CLI tells, with a bot and without one."""
    socket, tool = socket_of(tmp_path), in_agent.tool(p.doors).partition("=")[2].strip().strip('"')
    program = Path(bot.__file__ or "").parent / "sandbox" / "agent.py"
    script = tmp_path / "by-hand"  # the pane's own process is then no CLI
    script.write_text(f"#!/bin/sh\n{sys.executable} -I -S {program} --home {tmp_path}/own\nsleep 300\n")
    script.chmod(0o700)
    tmux(socket, "new-session", "-d", "-s", "mine", "-c", str(p.project), "-e", f"DEMO_TOOL={tool}", str(script))
    pane = tmux(socket, "list-panes", "-t", "=mine:", "-F", "#{pane_id}")
    await until((p.doors / "adopted").exists, what="its tool")
    asks = [MAF, "--home", str(p.home.root)]
    stranger = await in_agent.run(p.doors, "adopted", [*asks, "agent", "freeze", "nobody"])
    assert stranger[1].startswith(b"error: No agent")  # whoever is not of the fleet is a person's program
    await p.app.call("agent.adopt", {"pane": pane, "type": "demo", "id": "mine"})
    p.home.env_file.write_text(f"MAF_TMUX_SOCKET={socket}\n")

    async def refused(*words: str) -> None:
        code, out = await in_agent.run(p.doors, "adopted", [*asks, *words])
        assert (code, b"for a person" in out) == (1, True), (words, out)

    for words in ("agent interrupt w1", "agent attach w2", "db backup x"):
        await refused(*words.split())
    out = tmp_path / "said"
    line = f"{shlex.join([sys.executable, '-c', WHO, str(p.home.socket)])} > {out}.part 2>&1; mv {out}.part {out}"
    tmux(socket, "new-window", "-t", "=mine:", line)
    await until(out.exists, what="the shell beside it")
    assert json.loads(out.read_text())["agent"] is None
    p.bot.cancel()
    await until(p.bot.done, what="the end of the bot")
    await refused("agent", "interrupt", "w1")


async def test_a_person_in_a_pane_of_their_own_may_all(p: Product, tmp_path: Path) -> None:
    socket, out = str(tmp_path / "own.sock"), tmp_path / "said"
    line = f"{shlex.join(ask_all(p))} > {out}.part 2>&1; mv {out}.part {out}"
    tmux(socket, "-f/dev/null", "new-session", "-d", "sh")
    try:
        tmux(socket, "send-keys", line, "Enter")
        await until(out.exists, what="the person's calls")
    finally:
        end_server(socket)
    assert set(json.loads(out.read_text()).values()) == {"usage"}


async def test_a_hook_speaks_for_the_agent_whose_cli_ran_it_and_for_no_other(p: Product) -> None:
    hooks = p.app.services.hooks
    told = {"hook_event_name": "UserPromptSubmit", "prompt": "from a hook"}
    stdin = json.dumps(told).encode()
    as_w2 = {**os.environ, "MAF_AGENT": "w2", "MAF_HOME": str(p.home.root)}

    def heard(agent: str) -> bool:
        look = p.app.services.watch.last(agent)
        assert look is not None
        return bool(hooks.signals(look.view.agent, datetime.now(UTC)))

    # Of another agent; of a program that the agent's tools started; of nobody.
    await in_agent.run(p.doors, "w1", [MAF, "hook"], stdin=stdin, env=as_w2)
    nested = ["sh", "-c", f"sh -c 'sh -c \"{MAF} hook; true\"; true'; true"]
    await in_agent.run(p.doors, "w1", nested, stdin=stdin)
    done = await asyncio.create_subprocess_exec(MAF, "hook", env=as_w2, stdin=asyncio.subprocess.PIPE)
    await done.communicate(stdin)
    assert (heard("w1"), heard("w2")) == (False, False)
    # The relay of the tests stands where the shell stands that a CLI runs its hooks with.
    await in_agent.run(p.doors, "w1", [MAF, "hook"], stdin=stdin)
    assert (heard("w1"), heard("w2")) == (True, False)


async def test_a_spooled_hook_proves_and_answers_nothing(p: Product) -> None:
    services = p.app.services
    agent = await services.registry.get("w1")
    forged = {
        "session_id": "f" * 8,
        "transcript_path": str(p.home.root / "demo" / "w1" / "sessions" / f"{'f' * 8}.jsonl"),
    }
    events = [
        {"agent": "w1", "payload": {"hook_event_name": "UserPromptSubmit", "prompt": "never", **forged}},
        {"agent": "w1", "payload": {"hook_event_name": "StopFailure", "error": "rate_limit", **forged}},
        {"agent": "w1", "payload": {"hook_event_name": "PermissionRequest", "tool_name": "Bash", **forged}},
        {"agent": "nobody", "payload": {"hook_event_name": "Stop"}},
    ]
    Path(forged["transcript_path"]).write_text("{}\n")
    assert await services.hooks.take_spooled(events) == 3
    assert services.hooks.signals(agent, datetime.now(UTC)) == ()
    assert services.hooks.prompts("w1", agent.created_at) == []
    assert services.permissions.open() == []
    assert (await services.registry.get("w1")).conversation == agent.conversation
