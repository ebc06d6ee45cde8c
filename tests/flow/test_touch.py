"""One touch: what a link, an entry of the menu and a button may do by themselves, over HTTP with real panes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.store.tables import ClaimRow, DeliveryRow, DraftRow, ItemRow, PersonRow, SettingRow
from bot.telegram.access import COMMANDS
from tests.flow.product import Product, button, product, until


async def state(p: Product, agent: str, wanted: str) -> None:
    async def is_so() -> bool:
        return bool((await p.app.call("agent.show", {"id": agent}))["state"] == wanted)

    await until(is_so, f"{agent} {wanted}")


async def everything(p: Product) -> list[Any]:
    """All that a command could do to the fleet or to work: agents with their processes, and every row about work."""
    looks = await p.app.services.watch.look()
    agents = [
        (a.id, a.desired, a.restarts, a.pane, looks[a.id].clis[0].pid) for a in await p.app.services.registry.all()
    ]
    states = [str(look.view.state) for look in looks.values()]
    rows: list[Any] = []
    async with p.app.services.store.begin() as tx:
        for table in (ClaimRow, DeliveryRow, DraftRow, ItemRow, PersonRow, SettingRow):
            rows += (await tx.execute(select(*table.__table__.columns))).all()
    return [agents, states, rows]


def links(messages: list[dict[str, Any]]) -> set[str]:
    """The commands that a touch on one of these messages sends."""
    found = set()
    for message in messages:
        units = message["text"].encode("utf-16-le")
        for one in message["entities"]:
            if one["type"] == "bot_command":
                found.add(units[2 * one["offset"] : 2 * (one["offset"] + one["length"])].decode("utf-16-le"))
    return found


async def test_no_touch_on_the_menu_or_on_a_link_changes_anything(tmp_path: Path) -> None:
    """Every entry of the menu, every bare command that /help names, and every link in any message that comes of it;
    with a draft that could be sent, an agent at work, and one that is frozen."""
    async with product(tmp_path) as p:
        await p.app.call("agent.send", {"id": "w1", "text": "WAIT600 a long turn", "wait": 10})
        await p.app.call("agent.freeze", {"id": "w3"})
        await p.draft("/broadcast_targeted only w2")
        await state(p, "w1", "working")
        menu = {f"/{c['command']}" for c in await p.client.get(f"/sandbox/commands?chat={p.client.sandbox.owner}")}
        assert menu == {f"/{c.published}" for c in COMMANDS if c.name in p.app.chat.served and c.in_menu and not c.acts}  # type: ignore[union-attr]
        makes_a_draft = {"/broadcast_targeted"}  # a draft sends nothing; the one that stands is looked at here
        before, touched = await everything(p), set[str]()
        while waiting := sorted((menu | links(await p.all())) - touched - makes_a_draft):
            for one in waiting:
                said = len(await p.all())
                await p.client.say(one)
                await until(lambda said=said: _more(p, said + 2), f"an answer to {one}")  # type: ignore[misc]
                assert await everything(p) == before, f"a touch on {one} did something"
                touched.add(one)
        assert {"/freeze", "/thaw", "/stop", "/restart", "/interrupt", "/claim", "/help", "/w1"} <= touched
        assert not touched & {"/broadcast_apply", "/broadcast_cancel"}


async def _more(p: Product, count: int) -> bool:
    return len(await p.all()) >= count


async def test_to_end_an_agent_at_work_asks_first_by_command_and_by_button(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2) as p:
        bead = (await p.app.call("task.claim", {"agent": "w1"}))["bead"]
        await p.app.call("agent.send", {"id": "w1", "text": "WAIT600 a long turn", "wait": 10})
        await state(p, "w1", "working")
        before = await everything(p)
        await p.client.say("/stop w1")
        asked = await p.message(lambda m: m["text"].startswith("w1 has worked"))
        assert f"on {bead}." in asked["text"].splitlines()[0]
        await p.client.press(asked["message_id"], "Leave it")
        card = await p.becomes(asked["message_id"], lambda m: m["text"].startswith("⚙️ w1 · working"))
        for label in ("⏹ Stop", "↻ Restart"):
            await p.client.press(card["message_id"], label)
            asked = await p.message(lambda m: "has worked" in m["text"] and m["message_id"] > card["message_id"])
            assert await everything(p) == before, f"{label} did something"
            await p.client.press(asked["message_id"], "Leave it")
            await p.becomes(asked["message_id"], lambda m: "has worked" not in m["text"])
        await p.client.say("/stop")
        asked = await p.message(lambda m: m["text"] == "Stop whom?")
        await p.client.press(asked["message_id"], button(asked, "w1"))
        asked = await p.becomes(asked["message_id"], lambda m: "has worked" in m["text"])
        await p.client.press(asked["message_id"], "⏹ Stop it")
        await p.becomes(asked["message_id"], lambda m: m["text"].startswith("⏹ w1 · stopped"))
        await p.client.say("/stop w2")
        await p.message(lambda m: m["text"].startswith("⏹ w2 · stopped"))


async def test_what_was_asked_of_another_turn_is_no_answer_for_this_one(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        await p.app.call("agent.send", {"id": "w1", "text": "WAIT600 one turn", "wait": 10})
        await state(p, "w1", "working")
        await p.client.say("/stop w1")
        asked = await p.message(lambda m: m["text"].startswith("w1 has worked"))
        await p.app.call("agent.interrupt", {"id": "w1"})
        await state(p, "w1", "idle")
        await p.app.call("agent.send", {"id": "w1", "text": "WAIT600 another turn", "wait": 10})
        await state(p, "w1", "working")
        tap = await p.client.press(asked["message_id"], "⏹ Stop it")
        await p.told("w1 is at something else now", tap)
        await state(p, "w1", "working")
        await p.client.press(asked["message_id"], "⏹ Stop it")
        await p.becomes(asked["message_id"], lambda m: m["text"].startswith("⏹ w1 · stopped"))


async def sent(p: Product) -> list[int]:
    return [len(p.prompts(agent)) for agent in p.agents]


async def test_apply_sends_only_what_its_own_chat_was_shown(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        sam = await p.person("Sam", "supervisor")
        draft = await p.draft("/broadcast-targeted only w1,w2")
        await p.client.say("/broadcast_apply", chat=sam, who=sam)
        here = await p.message(lambda m: m["text"].startswith("📝 Draft"), chat=sam)
        await p.message(lambda m: "Nothing was sent: this chat has not been shown" in m["text"], chat=sam)
        assert await sent(p) == [0, 0, 0]
        await p.client.press(here["message_id"], button(here, "Look at each"), chat=sam, who=sam)
        await p.becomes(here["message_id"], lambda m: m["text"].startswith("1/2 · w1"), chat=sam)
        same = await p.becomes(draft["message_id"], lambda _: True)
        assert same["text"] == draft["text"], "a page turned in one chat turns in no other"
        await p.client.say("/broadcast_apply", chat=sam, who=sam)
        for chat, message in ((sam, here), (None, draft)):
            await p.becomes(message["message_id"], lambda m: m["text"].count("started") == 2, chat=chat)
        assert await sent(p) == [1, 1, 0]


async def test_apply_sends_nothing_that_was_changed_since_it_was_shown(tmp_path: Path) -> None:
    """The prompt is another one, and Telegram did not take the message that shows it."""
    async with product(tmp_path) as p:
        draft = await p.draft()
        name = draft["text"].split()[2]
        await p.client.press(draft["message_id"], button(draft, "Look at each"))
        await p.becomes(draft["message_id"], lambda m: m["text"].startswith("1/3 · w1"))
        await p.app.services.drafts.edit_item(name, "w2", "Delete everything.", "Sam")
        await p.client.say("/broadcast_apply")
        shown = await p.message(lambda m: "📝 Draft" in m["text"] and m["message_id"] > draft["message_id"])
        assert "edited by Sam" in shown["text"]
        assert await sent(p) == [0, 0, 0]
        await p.app.services.drafts.skip_item(name, "w3", "Sam")  # less than what was shown may be sent
        await p.client.say("/broadcast-apply")
        await until(lambda: sum(map(len, map(p.prompts, p.agents))) == 2, "the two prompts")
        assert p.prompts("w2")[0].startswith("Delete everything.")


async def test_a_draft_that_never_arrived_is_not_sent(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        await p.client.fault("500", method="sendMessage", count=3)
        await p.client.say("/broadcast_targeted")

        async def drafted() -> bool:
            async with p.app.services.store.begin() as tx:
                return (await tx.scalar(select(DraftRow.id))) is not None

        await until(drafted, "a draft")
        await p.client.say("/broadcast_apply")
        await p.message(lambda m: "Nothing was sent: this chat has not been shown" in m["text"])
        assert await sent(p) == [0, 0, 0]


async def test_a_draft_that_a_touch_closed_is_taken_up_again_with_what_was_written_in_it(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        first = await p.draft()
        name = first["text"].split()[2]
        await p.app.services.drafts.edit_item(name, "w1", "Mind the gap.", "Olga")
        await p.becomes(first["message_id"], lambda m: "edited by Olga" in m["text"])
        second = await p.draft()
        closed = await p.becomes(first["message_id"], lambda m: "was replaced by draft" in m["text"])
        await p.client.press(first["message_id"], button(closed, "Take it up again"))
        again = await p.becomes(first["message_id"], lambda m: "edited by Olga" in m["text"])
        await p.becomes(second["message_id"], lambda m: f"was replaced by draft {name}" in m["text"])
        await p.client.press(first["message_id"], button(again, "Cancel"))
        closed = await p.becomes(first["message_id"], lambda m: "was cancelled by Olga" in m["text"])
        taps = [await p.client.press(first["message_id"], button(closed, "Take it up again")) for _ in range(2)]
        await p.told("This draft has changed since you opened it: Olga took it up again.", taps[1])
        await p.becomes(first["message_id"], lambda m: "edited by Olga" in m["text"])
        await p.client.say("/broadcast_apply")
        await until(lambda: sum(map(len, map(p.prompts, p.agents))) == 3, "the prompts")
        assert p.prompts("w1")[0].startswith("Mind the gap.")
        report = await p.becomes(first["message_id"], lambda m: m["text"].count("started") == 3)
        await p.client.press(report["message_id"], "↩ Take it up again")
        await until(lambda: _still(p, name, "done"), "a sent draft to stay sent")


async def _still(p: Product, draft: str, status: str) -> bool:
    return bool((await p.app.call("broadcast.status", {"draft": draft}))["status"] == status)
