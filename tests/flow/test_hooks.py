"""`maf hook` as an agent's CLI runs it, against the running bot."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.agents.permissions.holding import MOST_OPEN
from bot.agents.permissions.rows import mark
from bot.agents.permissions.service import Reply
from bot.clis.model import State
from bot.errors import WrongUsage
from bot.home import Home
from bot.remote import spool
from bot.store.tables import DeliveryRow
from tests import in_agent
from tests.flow.product import Product, button, product, until
from tests.patience import PATIENCE_S

MAF = str(Path(sys.executable).with_name("maf"))


async def hook(home: Home, agent: str, payload: object) -> asyncio.subprocess.Process:
    """Begin a hook of this agent, its event written and stdin closed."""
    env = {**os.environ, "MAF_AGENT": agent, "MAF_HOME": str(home.root)}
    process = await asyncio.create_subprocess_exec(
        MAF, "hook", env=env, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin
    process.stdin.write(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    await process.stdin.drain()
    process.stdin.close()
    return process


async def end(process: asyncio.subprocess.Process) -> bytes:
    """What it printed; it always ends well."""
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await process.communicate()
    assert process.returncode == 0
    return out


class Held:
    """The connection of a hook that the CLI of an agent runs: what `maf hook` sends, and what it would print."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def begin(cls, p: Product, agent: str, payload: object) -> Held:
        await until(p.home.socket.exists, what="the control socket")
        await until((p.doors / agent).exists, what="the agent's tool")
        link = await in_agent.connect(p.doors, agent, p.home.socket)
        event = {"agent": agent, "at": time.time(), "payload": payload}
        reader, writer = await asyncio.open_unix_connection(sock=link)
        writer.write(json.dumps({"hook": event}).encode() + b"\n")
        return cls(reader, writer)

    async def printed(self) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            line = await self._reader.readline()
        self._writer.close()
        return json.loads(line)["result"] if line else None

    def drop(self) -> None:
        self._writer.close()


def request(command: str) -> dict[str, Any]:
    return {
        "hook_event_name": "PermissionRequest",
        "session_id": "s1",
        "tool_name": "Bash",
        "tool_input": {"command": command},
    }


def decided(printed: Any) -> dict[str, Any]:
    return dict(printed["hookSpecificOutput"]["decision"])


async def card_of(p: Product, command: str) -> dict[str, Any]:
    return await p.message(lambda m: f"$ {command}" in m["text"] and bool(m["buttons"]))


async def test_a_waiting_hook_prints_what_the_person_taps(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        waiting = await Held.begin(p, "w1", request("make one"))
        card = await card_of(p, "make one")
        await until(lambda: p.app.services.watch.view("w1").state is State.WAITING, what="waiting")
        refused = await p.app.call("agent.send", {"id": "w1", "text": "now?", "wait": 0.5})
        assert refused["status"] == "refused"
        await p.client.press(card["message_id"], "Yes")
        assert decided(await waiting.printed()) == {"behavior": "allow"}
        await p.becomes(card["message_id"], lambda m: "✅ w1: Yes – Olga" in m["text"])

        waiting = await Held.begin(p, "w1", request("make two"))
        card = await card_of(p, "make two")
        await p.client.press(card["message_id"], button(card, "No, and tell"))
        question = await p.message(lambda m: "Reply to this message" in m["text"])
        await p.client.say("Not on a Friday", reply_to=question["message_id"])
        assert decided(await waiting.printed()) == {"behavior": "deny", "message": "Not on a Friday"}
        assert p.prompts("w1") == []  # the words went through the hook and nowhere else


async def test_a_hook_is_let_go_in_time_where_its_question_cannot_be_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work that waits for a locked store holds the agent's questions; its CLI would stand still for as long."""
    monkeypatch.setattr("bot.agents.permissions.holding.CLAUDE_WAIT", timedelta(seconds=1))
    async with product(tmp_path, agents=1, beads=False) as p:
        async with p.app.services.permissions._asks.locks["w1"]:
            waiting = await Held.begin(p, "w1", request("make late"))
            assert await waiting.printed() is None
        card = await card_of(p, "make late")
        await p.becomes(card["message_id"], lambda m: not m["buttons"])


async def test_a_request_of_any_size_has_its_card(tmp_path: Path) -> None:
    """20 KB of braces held the bot for seconds, and commands nested 500 deep had no card."""
    sizes = {"one": "{a,{b," * 3_500, "two": "{" * 50_000, "three": "$(" * 400_000, "four": "find . -exec " * 500}
    async with product(tmp_path, agents=1, beads=False) as p:
        for name, much in sizes.items():
            waiting = await Held.begin(p, "w1", request(f"echo {name}; {much}"))
            card = await card_of(p, f"echo {name};")
            assert "may do anything" in card["text"]
            await p.client.press(card["message_id"], "Yes")
            assert decided(await waiting.printed()) == {"behavior": "allow"}


async def test_a_hook_that_its_cli_drops_leaves_nothing_to_answer(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        waiting = await Held.begin(p, "w1", request("make dropped"))
        card = await card_of(p, "make dropped")
        waiting.drop()
        # Whether somebody answered it there, stopped the turn or ended the program: nobody knows.
        await p.becomes(card["message_id"], lambda m: "nothing to answer any more" in m["text"])
        late = await p.client.press(card["message_id"], "Yes")
        await p.told("answered already", late)
        assert p.app.services.permissions.open() == []


async def test_after_a_dropped_hook_the_same_words_are_another_question(tmp_path: Path) -> None:
    """Esc at the pane, and the agent asks again at once: a tap on the first card decides nothing."""
    async with product(tmp_path, agents=1, beads=False) as p:
        waiting = await Held.begin(p, "w1", request("npm ci"))
        card = await card_of(p, "npm ci")
        waiting.drop()
        pane = str((await p.app.services.registry.get("w1")).pane)
        await p.app.services.panes.keys(pane, "SHELL `npm ci`", literal=True)
        await p.app.services.panes.keys(pane, "Enter")
        newer = await p.message(lambda m: m["message_id"] > card["message_id"] and "$ npm ci" in m["text"])
        late = await p.client.press(card["message_id"], "Yes")
        await p.told("answered already", late)
        (still_open,) = p.app.services.permissions.open()  # the late tap has not answered this one
        assert still_open.command == "npm ci"
        await p.client.press(newer["message_id"], "Yes")
        await p.becomes(newer["message_id"], lambda m: "✅ w1: Yes" in m["text"])


async def test_a_question_without_a_dialog_ends_with_what_its_cli_tells(tmp_path: Path) -> None:
    """Answered at the pane, Claude leaves its hook waiting; a tap afterwards must not claim to have decided."""
    async with product(tmp_path, agents=1, beads=False) as p:
        first = await Held.begin(p, "w1", request("make unseen"))
        card = await card_of(p, "make unseen")
        used = {**request("make other"), "hook_event_name": "PostToolUse"}
        assert await (await Held.begin(p, "w1", used)).printed() is None
        assert len(p.app.services.permissions.open()) == 1  # another tool of the same turn
        used = {**request("make unseen"), "hook_event_name": "PostToolUse"}
        assert await (await Held.begin(p, "w1", used)).printed() is None
        await p.becomes(
            card["message_id"], lambda m: "nothing to answer any more" in m["text"] and "It ran." in m["text"]
        )
        assert await first.printed() is None
        late = await p.client.press(card["message_id"], "Yes")
        await p.told("answered already", late)

        second = await Held.begin(p, "w1", request("make again"))
        card = await card_of(p, "make again")
        assert await (await Held.begin(p, "w1", {"hook_event_name": "Stop", "session_id": "s1"})).printed() is None
        await p.becomes(card["message_id"], lambda m: "Its turn has ended." in m["text"])
        assert await second.printed() is None


async def test_what_ended_or_ran_elsewhere_ends_no_other_question(tmp_path: Path) -> None:
    """The main agent ends its turn while a subagent waits; and of two calls in the same words the one that we let run
    tells that it has."""
    async with product(tmp_path, agents=1, beads=False) as p:
        permissions = p.app.services.permissions
        sub = request("make sub") | {"agent_id": "a7"}
        waits = await Held.begin(p, "w1", sub)
        await card_of(p, "make sub")
        first, second = [await Held.begin(p, "w1", request("make twice")) for _ in range(2)]
        await until(lambda: len(permissions.open()) == 3, what="all questions")
        asked = next(ask for ask in permissions.open() if ask.command == "make twice")
        answer = asyncio.create_task(permissions.answer(asked.card, mark([asked]), 0, Reply("Olga", "chat:1")))
        assert decided(await first.printed()) == {"behavior": "allow"}
        used = {**request("make twice"), "hook_event_name": "PostToolUse"}
        assert await (await Held.begin(p, "w1", used)).printed() is None
        await answer
        assert [ask.command for ask in permissions.open()] == ["make sub", "make twice"]
        assert await (await Held.begin(p, "w1", {"hook_event_name": "Stop", "session_id": "s1"})).printed() is None
        await until(lambda: [ask.command for ask in permissions.open()] == ["make sub"], what="the end of the turn")
        assert await second.printed() is None
        (asked,) = permissions.open()
        await permissions.answer(asked.card, mark([asked]), 0, Reply("Olga", "chat:1"))
        assert decided(await waits.printed()) == {"behavior": "allow"}


async def test_a_dialog_in_other_words_than_the_hook_gets_no_key(tmp_path: Path) -> None:
    """The card shows what the hook told; its screen shows more, and that is not what a tap answers."""
    more = "ls -la && cp secrets.env public/"
    async with product(tmp_path, agents=1, beads=False) as p:
        waiting = await Held.begin(p, "w1", request("ls -la"))
        card = await card_of(p, "ls -la")
        pane = str((await p.app.services.registry.get("w1")).pane)
        await p.app.services.panes.keys(pane, f"SHELL `{more}`", literal=True)
        await p.app.services.panes.keys(pane, "Enter")
        await until(lambda: p.app.services.watch.view("w1").state is State.WAITING, what="its dialog")
        told = await p.becomes(card["message_id"], lambda m: "cannot be told" in m["text"])
        assert button(told, "Screen")
        assert not any("secrets" in m["text"] for m in await p.all())
        await p.client.press(card["message_id"], "Yes")
        assert decided(await waiting.printed()) == {"behavior": "allow"}
        asked = await p.message(lambda m: more in m["text"] and bool(m["buttons"]))
        assert "Ran" not in (await p.app.call("agent.capture", {"id": "w1"}))["text"]
        await p.client.press(asked["message_id"], "Yes")
        await p.becomes(asked["message_id"], lambda m: "✅ w1: Yes" in m["text"])


async def test_a_dialog_that_was_seen_first_is_not_asked_twice(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        await p.app.call("agent.send", {"id": "w1", "text": "SHELL `make  both`", "wait": 10.0})
        card = await card_of(p, "make  both")
        waiting = await Held.begin(p, "w1", request("make  both"))
        permissions = p.app.services.permissions
        await until(lambda: [ask.source for ask in permissions.open()] == ["both"], what="one question of both")
        await p.becomes(card["message_id"], lambda m: m["buttons"] != card["buttons"])  # bound to the hook's words
        await p.client.press(card["message_id"], "Yes")
        assert decided(await waiting.printed()) == {"behavior": "allow"}


async def test_an_agent_never_has_more_than_some_questions_however_many_hooks_come_at_once(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        permissions = p.app.services.permissions
        held = await asyncio.gather(*(Held.begin(p, "w1", request(f"make n{n}")) for n in range(300)))
        answers = [asyncio.create_task(one.printed()) for one in held]
        await until(lambda: sum(one.done() for one in answers) == 300 - MOST_OPEN, what="those that were let go")
        await until(lambda: len(permissions.open()) == MOST_OPEN, what="all questions")
        assert all(one.result() is None for one in answers if one.done())
        asked = permissions.open()
        assert len({ask.command for ask in asked}) == len({ask.card for ask in asked}) == MOST_OPEN
        for one, answer in zip(held, answers, strict=True):
            answer.cancel()
            one.drop()


async def test_an_agent_cannot_flood_the_chat_and_words_go_with_a_no_alone(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        permissions = p.app.services.permissions
        held = [await Held.begin(p, "w1", request(f"make n{n}")) for n in range(MOST_OPEN)]
        await until(lambda: len(permissions.open()) == MOST_OPEN, what="all questions")
        assert await (await Held.begin(p, "w1", request("make more"))).printed() is None
        assert len(permissions.open()) == MOST_OPEN
        ask = permissions.open()[0]
        with pytest.raises(WrongUsage, match="go with a no"):
            await permissions.answer(ask.card, mark([ask]), 0, Reply("Olga", "chat:1", "and more"))
        assert ask.id in {one.id for one in permissions.open()}
        for one in held:
            one.drop()


async def test_when_the_bot_goes_every_hook_is_let_go_undecided(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        waiting = await Held.begin(p, "w1", request("make later"))
        await card_of(p, "make later")
        assert p.bot is not None
        p.bot.cancel()
        assert await waiting.printed() is None
        # Nobody takes events now: they wait in the spool.
        await until(lambda: p.bot is not None and p.bot.done(), what="the end of the bot")
        gone = await hook(p.home, "w1", {"hook_event_name": "UserPromptSubmit", "prompt": "x", "session_id": "s1"})
        assert await end(gone) == b""
        kept = [e["payload"]["hook_event_name"] for e in spool.drain(str(p.home.hooks_spool))]
        assert "UserPromptSubmit" in kept


async def test_broken_and_huge_events_are_harmless(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        await until((p.doors / "w1").exists, what="the agent's tool")
        huge = json.dumps({"hook_event_name": "PostToolUse", "tool_response": "x" * 10_000_000}).encode()
        too_long = json.dumps({"hook_event_name": "Stop", "more": "x" * 11_000_000}).encode()
        deep = b'{"hook_event_name":' + b"[" * 5000 + b"]" * 5000 + b"}"
        for event in (b"", b"{", b"[]", b"null", b"\xff\xfe", deep, huge, too_long, b'{"hook_event_name": 7}'):
            assert await in_agent.run(p.doors, "w1", [MAF, "hook"], stdin=event) == (0, b"")
        assert await end(await hook(p.home, "nobody", {"hook_event_name": "Stop"})) == b""
        assert await end(await hook(p.home, "../../etc", request("x"))) == b""
        assert p.app.services.permissions.open() == []
        assert (await p.app.call("ping", {}))["pid"] == os.getpid()
        asked = await p.app.call("agent.send", {"id": "w1", "text": "still there?", "wait": 10.0})
        assert asked["status"] in {"submitted", "started"}


async def test_the_hook_of_a_prompt_proves_nothing(tmp_path: Path) -> None:
    """It fires before the CLI accepts the prompt: here another hook turns it away."""
    async with product(tmp_path, agents=1, beads=False) as p:
        hooks, agent = p.app.services.hooks, await p.app.services.registry.get("w1")
        begun = asyncio.create_task(p.app.call("agent.send", {"id": "w1", "text": "HOOK `no`", "wait": 10.0}))
        text = ""
        while not text:
            async with p.app.services.store.begin() as tx:
                text = await tx.scalar(select(DeliveryRow.text)) or ""
        told = {"hook_event_name": "UserPromptSubmit", "prompt": text}
        assert await (await Held.begin(p, "w1", told)).printed() is None
        assert [one.text for one in hooks.prompts("w1", agent.created_at)] == [text]
        done = await begun
        assert (done["status"], done["evidence"]) == ("failed", None), done
        # A spooled hook tells nothing of a prompt.
        await hooks.take_spooled([{"agent": "w1", "ppid": 0, "payload": told}])
        assert len(hooks.prompts("w1", agent.created_at)) == 1


async def test_a_command_of_one_character_too_many_shows_its_cut(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        waiting = await Held.begin(p, "w1", request("x" * 501))
        card = await card_of(p, "x" * 500)
        assert "… 1 more character" in card["text"]
        assert button(card, "Show all")
        waiting.drop()


async def test_all_of_a_long_command_comes_as_a_document(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        command = "cat <<EOF\n" + "".join(f"line {n} <b>&amp;\u202e\n" for n in range(200)) + "EOF"
        waiting = await Held.begin(p, "w1", request(command))
        card = await card_of(p, "cat <<EOF")
        assert "line 199" not in card["text"]
        assert "more characters" in card["text"]
        assert "\u202e" not in card["text"]  # it would turn round what follows
        await p.client.press(card["message_id"], "📄 Show all")
        sent = await p.message(lambda m: bool(m["document"]))
        assert sent["document"]["file_name"] == "command.sh.txt"
        async with p.client.session.get(p.client.sandbox.origin + sent["document"]["url"]) as answer:
            assert await answer.read() == command.replace("\u202e", "⟨U+202E⟩").encode()
        await p.client.press(card["message_id"], "Yes")  # looking changes nothing
        assert decided(await waiting.printed()) == {"behavior": "allow"}
