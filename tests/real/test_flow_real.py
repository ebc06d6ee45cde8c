"""The chat flow over HTTP with two real Codex panes and a real Claude Code pane; the mock model's log is the judge."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.clis.text import normal
from tests.flow.product import Product, button, idle, product, until
from tests.real.homes import make_claude_home, make_codex_home
from tests.real.installed import need, real_path
from tests.real.mock_models import MockModels

# Both Codex agents share an account, and so a home with the conversations of both.
AGENTS = {"c1": ("codex-worker", "cx"), "c2": ("codex-worker", "cx"), "k1": ("claude-worker", "cl")}
KIND = {"c1": "rollout", "c2": "rollout", "k1": "transcript"}


@dataclass
class Real:
    """The product with real agents, and the models that they talk to."""

    p: Product
    models: MockModels

    async def settled(self, message: int, count: int) -> dict[str, Any]:
        """The report, once so many have started and nothing moves."""
        return await self.p.becomes(
            message, lambda m: m["text"].count("started") == count and f" {count} of " in m["text"]
        )

    async def arrived(self, status: dict[str, Any]) -> list[str]:
        """The prompts of a draft that were taken, as the models received them; each one once."""
        found = []
        for item in status["items"]:
            if item["status"] not in {"submitted", "started"}:
                continue
            ref = item["delivery"]["delivery"]
            await until(lambda ref=ref: self.models.count(ref) >= 1, f"{item['agent']}'s request")  # type: ignore[misc]
            assert self.models.count(ref) == 1, item["agent"]
            found += [text for text in self.models.prompts() if ref in text]
        return found


@asynccontextmanager
async def real(folder: Path) -> AsyncIterator[Real]:
    """The three agents, idle."""
    need("codex")
    need("claude")
    with MockModels() as models:
        async with product(folder, agents=0) as p:
            env = make_codex_home(p.home.profile("cx"), p.project, models.url)
            env |= make_claude_home(p.home.profile("cl"), p.project, models.url)
            given = {k: v for k, v in env.items() if k not in {"PATH", "CODEX_HOME", "CLAUDE_CONFIG_DIR"}}
            p.home.agent_env.write_text("".join(f"{k}={v}\n" for k, v in given.items()), "utf8")
            for agent, (kind, profile) in AGENTS.items():
                params = {"type": kind, "id": agent, "profile": profile, "workdir": str(p.project)}
                p.agents.append((await p.app.call("agent.create", params))["id"])
            await idle(p)
            yield Real(p, models)


async def shown_by_maf(p: Product, draft: str) -> dict[str, Any]:
    """`maf broadcast status D --json`, as a script runs it."""
    command = [sys.executable, "-m", "bot.cli", "broadcast", "status", draft, "--json", "--home", str(p.home.root)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    return dict(json.loads(out))


def proven(status: dict[str, Any]) -> None:
    """Every item that was sent says what proves it, and when."""
    for item in status["items"]:
        if item["status"] in {"submitted", "started"}:
            evidence = item["delivery"]["evidence"]
            assert evidence["kind"] in {KIND[item["agent"]], "hook"}, item
            assert evidence["at"].endswith("Z"), item


async def test_the_chat_flow_reaches_real_agents_once_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", real_path())
    async with real(tmp_path) as r:
        p = r.p
        await strangers_and_viewers(r)
        await cancelled_and_stale(r)
        assert r.models.prompts() == []

        draft = await p.draft()
        mid = draft["message_id"]
        await p.client.press(mid, button(draft, "Look at each"))
        page = await p.becomes(mid, lambda m: m["text"].startswith("1/3 · c1"))
        await p.client.press(mid, button(page, "Edit"))
        ask = await p.message(lambda m: "Reply to this message with the new prompt for c1" in m["text"])
        await p.client.say("Only look; do not touch “shop”.\n\n  Then say: $HOME `x` 🧪", reply_to=ask["message_id"])
        await p.message(lambda m: "c1 gets your text" in m["text"])
        page = await p.becomes(mid, lambda m: "edited by Olga" in m["text"])
        await p.client.press(mid, button(page, "▶"))
        page = await p.becomes(mid, lambda m: m["text"].startswith("2/3 · c2"))
        await p.client.press(mid, button(page, "Skip"))
        page = await p.becomes(mid, lambda m: "skipped by Olga" in m["text"])
        await p.client.press(mid, button(page, "All"))
        whole = await p.becomes(mid, lambda m: "2 prompts" in m["text"])
        await p.client.press(mid, button(whole, "Send 2"))
        await r.settled(mid, 2)
        status = await shown_by_maf(p, whole["text"].split()[2])
        assert [i["status"] for i in status["items"]] == ["started", "skipped", "started"]
        proven(status)
        first = await r.arrived(status)
        assert len(first) == 2
        assert normal(first[0]).startswith(normal("Only look; do not touch “shop”.\n\n  Then say: $HOME `x` 🧪"))

        await p.client.say("/broadcast_targeted auto only c2")
        await p.message(lambda m: "1 of 1 taken" in m["text"] and "started" in m["text"])
        auto = await shown_by_maf(p, (await p.status())["draft"])
        proven(auto)
        assert len(await r.arrived(auto)) == 1
        assert len(r.models.prompts()) == 3, "one request for each prompt that is shown as taken, and no other"


async def strangers_and_viewers(r: Real) -> None:
    """A stranger meets silence; a viewer sees the draft and cannot send it."""
    p = r.p
    stranger = await p.person("Sam", "")
    await p.client.say("/broadcast_targeted auto", who=stranger, chat=stranger)
    vera = await p.person("Vera", "viewer")
    group = await p.group(vera, stranger)
    draft = await p.draft(chat=group)
    send = button(draft, "Send 3")
    refused = await p.client.press(draft["message_id"], send, who=vera, chat=group)
    await p.told("Only a supervisor may send", refused, chat=group)
    await p.client.press(draft["message_id"], send, who=stranger, chat=group)
    assert [m for m in await p.all(stranger) if m["from"]["is_bot"]] == []


async def cancelled_and_stale(r: Real) -> None:
    """An old draft's button sends nothing, and neither does a cancelled one's."""
    p = r.p
    old = await p.draft()
    new = await p.draft()
    stale = await p.client.press(old["message_id"], button(old, "Send 3"))
    await p.told("replaced by draft", stale)
    await p.client.press(new["message_id"], button(new, "Cancel"))
    await p.becomes(new["message_id"], lambda m: "was cancelled by Olga" in m["text"])
    late = await p.client.press(new["message_id"], button(new, "Send 3"))
    await p.told("was cancelled by Olga", late)
    assert await p.app.services.claims.all_open() == []
