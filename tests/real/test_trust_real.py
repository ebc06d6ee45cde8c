"""The question whether to trust a folder: one card per profile and folder, and never a yes that no owner gave."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.clis.model import State
from tests.flow.product import button, until
from tests.real.product import PROFILE, RealProduct, real_product

pytestmark = pytest.mark.every_version


def is_idle(real: RealProduct, agent: str) -> Callable[[], bool]:
    return lambda: real.p.app.services.watch.view(agent).state is State.IDLE


def forget_trust(real: RealProduct) -> None:
    """As if this profile had never been in its folder."""
    file = real.home / ".claude.json"
    state = json.loads(file.read_text("utf8"))
    state["projects"] = {}
    file.write_text(json.dumps(state), "utf8")


async def test_trust_is_asked_once_per_profile_and_folder_and_only_an_owner_gives_it() -> None:
    with tempfile.TemporaryDirectory(prefix="maf-t", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), "claude", hooks=True) as real:
            app = real.p.app
            await app.call("agent.stop", {"id": "w1"})
            forget_trust(real)
            await app.call("agent.start", {"id": "w1"})
            made = {"type": "claude-worker", "profile": PROFILE, "workdir": str(real.p.project)}
            await app.call("agent.create", {**made, "id": "w2"})
            card = await real.p.message(lambda m: "w1, w2" in m["text"] and "trust" in m["text"])
            assert str(real.p.project) in card["text"]
            await real.p.client.press(card["message_id"], button(card, "Yes"))
            sure = await real.p.becomes(card["message_id"], lambda m: "Sure?" in m["text"])
            await real.p.client.press(card["message_id"], button(sure, "✔"))
            await real.p.becomes(card["message_id"], lambda m: m["text"].count("Olga") == 2)
            for agent in ("w1", "w2"):
                await until(is_idle(real, agent), f"{agent} idle")
            # What an owner said yes to is answered by that from then on.
            await app.call("agent.stop", {"id": "w1"})
            forget_trust(real)
            await app.call("agent.start", {"id": "w1"})
            await until(lambda: app.services.watch.view("w1").state is State.IDLE, "w1 idle by itself")

            async def answered() -> bool:
                entries = await app.services.audit.recent(30)
                return any(e.place == "preapproved" and e.action == "permission.answer" for e in entries)

            await until(answered, "the audit of an answer by an owner's earlier yes")
