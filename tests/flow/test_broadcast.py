"""The main job over HTTP: drafts, taps, panes that take their prompts, the report, and all that is refused."""

from __future__ import annotations

import asyncio
import itertools
from datetime import datetime
from pathlib import Path

from bot.telegram.pace import EDIT_SPACING
from tests.flow.product import Product, answered, button, product, until


async def sent(p: Product, message_id: int, count: int) -> dict[str, object]:
    """The report, once `count` items have started and nothing moves any more."""
    return await p.becomes(message_id, lambda m: m["text"].count("started") == count and "sending" not in m["text"])


async def test_a_draft_is_sent_with_one_tap_and_the_report_ends_with_started(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        draft = await p.draft("/broadcast-targeted")
        assert "3 prompts" in draft["text"]
        assert [p.prompts(agent) for agent in p.agents] == [[], [], []]
        assert await p.app.services.claims.all_open() == []
        answer = await p.client.press(draft["message_id"], button(draft, "Send 3"))
        assert answered(answer, "Sending 3.")
        report = await sent(p, draft["message_id"], 3)
        assert "3 of 3 taken" in str(report["text"])
        status = await p.status()
        assert status["status"] == "done"
        assert [i["status"] for i in status["items"]] == ["started"] * 3
        for item in status["items"]:
            assert item["delivery"]["evidence"]["kind"] == "transcript"
            assert item["delivery"]["evidence"]["at"].endswith("Z")
            prompts = p.prompts(item["agent"])
            assert len(prompts) == 1
            assert item["bead"] in prompts[0]
            assert prompts[0].endswith(f"ref: {item['delivery']['delivery']}")
        held = {c.bead: c.agent for c in await p.app.services.claims.all_open()}
        assert held == {i["bead"]: i["agent"] for i in status["items"]}


async def test_items_are_looked_at_edited_skipped_and_the_rest_is_sent(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        draft = await p.draft()
        mid = draft["message_id"]
        await p.client.press(mid, button(draft, "Look at each"))
        page = await p.becomes(mid, lambda m: m["text"].startswith("1/3 · w1"))
        await p.client.press(mid, button(page, "Edit"))
        ask = await p.message(lambda m: "Reply to this message with the new prompt for w1" in m["text"])
        await p.client.say("Only look, do not touch.\nThen say\x1b[201~ what you saw.", reply_to=ask["message_id"])
        said = await p.message(lambda m: "w1 gets your text" in m["text"])
        assert said["text"].endswith("Not sent yet.\nℹ️ 1 control character was taken out.")
        page = await p.becomes(mid, lambda m: "Only look" in m["text"] and "edited by Olga" in m["text"])
        await p.client.press(mid, button(page, "▶"))
        page = await p.becomes(mid, lambda m: m["text"].startswith("2/3 · w2"))
        await p.client.press(mid, button(page, "Skip"))
        page = await p.becomes(mid, lambda m: "skipped by Olga" in m["text"])
        before = len(await p.client.calls("editMessageText"))
        for label, shows in (("Take back in", "taken back in by Olga"), ("Skip", "skipped by Olga")) * 2:
            await p.client.press(mid, button(page, label))
            page = await p.becomes(mid, lambda m, shows=shows: shows in m["text"])  # type: ignore[misc]
        at = [datetime.fromisoformat(call["at"]) for call in (await p.client.calls("editMessageText"))[before:]]
        apart = [(b - a).total_seconds() for a, b in itertools.pairwise(at)]
        assert min(apart) < EDIT_SPACING, f"what answers a tap does not keep the pace of edits: {apart}"
        await p.client.press(mid, button(page, "All"))
        whole = await p.becomes(mid, lambda m: "2 prompts" in m["text"])
        await p.client.press(mid, button(whole, "Send 2"))
        await sent(p, mid, 2)
        await p.becomes(said["message_id"], lambda m: "was sent off; its report says" in m["text"])
        assert p.prompts("w1")[0].startswith("Only look, do not touch.\nThen say what you saw.")
        assert p.prompts("w2") == []
        assert len(p.prompts("w3")) == 1


async def test_a_text_that_was_not_sent_after_all_is_not_told_as_waiting(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2) as p:
        mid = (draft := await p.draft())["message_id"]

        async def write(text: str) -> int:
            await p.client.say(text, reply_to=mid)
            size = f"({len(text)} characters)"
            return int(
                (await p.message(lambda m: "w1 gets your text" in m["text"] and size in m["text"]))["message_id"]
            )

        await p.client.press(mid, button(draft, "Look at each"))
        await p.becomes(mid, lambda m: m["text"].startswith("1/2 · w1"))
        first = await write("The first text")
        await p.becomes(mid, lambda m: "The first text" in m["text"])
        second = await write("The second text")
        await p.becomes(first, lambda m: "was replaced since" in m["text"])
        newer = await p.draft()
        assert newer["message_id"] != mid
        await p.becomes(second, lambda m: "was not sent. Draft" in m["text"] and "replaced by draft" in m["text"])
        await p.becomes(first, lambda m: "was replaced since" in m["text"])


async def test_one_item_is_sent_alone_and_the_rest_can_still_be_sent(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        draft = await p.draft()
        mid = draft["message_id"]
        await p.client.press(mid, button(draft, "Look at each"))
        page = await p.becomes(mid, lambda m: m["text"].startswith("1/3"))
        await p.client.press(mid, button(page, "Send this"))
        await p.becomes(mid, lambda m: m["text"].startswith("1/3") and "● w1" in m["text"] and "started" in m["text"])
        assert len(p.prompts("w1")) == 1
        assert p.prompts("w2") == p.prompts("w3") == []
        await p.client.say("/broadcast_apply")
        await until(lambda: len(p.prompts("w2")) == len(p.prompts("w3")) == 1, what="the others' prompts")
        await sent(p, mid, 3)
        assert len(p.prompts("w1")) == 1


async def test_two_agents_exchange_what_they_get(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        draft = await p.draft()
        mid = draft["message_id"]
        before = {i["agent"]: i["bead"] for i in (await p.status())["items"]}
        drafts, name = p.app.services.drafts, draft["text"].split()[2]
        await drafts.edit_item(name, "w1", "Mind the gap, w1.", "Olga")
        await drafts.skip_item(name, "w1", "Olga")
        await drafts.take_back_item(name, "w1", "Olga")
        await drafts.skip_item(name, "w2", "Olga")
        draft = await p.becomes(mid, lambda m: "taken back in by Olga" in m["text"] and "w2  –  skipped" in m["text"])
        await p.client.press(mid, button(draft, "Look at each"))
        page = await p.becomes(mid, lambda m: m["text"].startswith("1/3"))
        await p.client.press(mid, button(page, "Other agent"))
        choice = await p.becomes(mid, lambda m: "instead of w1" in m["text"])
        await p.client.press(mid, button(choice, "w2"))
        await p.becomes(mid, lambda m: m["text"].startswith("1/3") and str(before["w2"]) in m["text"])
        after = {i["agent"]: i for i in (await p.status())["items"]}
        assert after["w1"]["bead"] == before["w2"]
        assert after["w2"]["bead"] == before["w1"]
        assert "You are w1" in after["w1"]["prompt"]
        assert "You are w2" in after["w2"]["prompt"]
        assert (after["w1"]["status"], after["w1"]["reason"]) == ("skipped", "skipped by Olga")
        assert after["w2"]["reason"].startswith("given by Olga")
        assert "the text that was edited for w1 is left out" in after["w2"]["reason"]


async def test_cancel_stale_buttons_and_a_new_draft_send_nothing(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        first = await p.draft()
        second = await p.draft()
        answer = await p.client.press(first["message_id"], button(first, "Send 3"))
        await p.told("replaced by draft", answer)
        assert answer["answer"]["show_alert"] or not answer["answer"]["text"]
        await p.becomes(first["message_id"], lambda m: "replaced by draft" in m["text"] and not m["buttons"])
        await p.client.press(second["message_id"], button(second, "Look at each"))
        page = await p.becomes(second["message_id"], lambda m: m["text"].startswith("1/3"))
        await p.client.press(second["message_id"], button(page, "Skip"))
        await p.becomes(second["message_id"], lambda m: "skipped by Olga" in m["text"])
        stale = await p.client.press(second["message_id"], button(second, "Send 3"))
        await p.told("This draft has changed since you opened it: Olga skipped w1.", stale)
        now = await p.becomes(second["message_id"], lambda m: "2 prompts" in m["text"])
        await p.client.press(second["message_id"], button(now, "Cancel"))
        gone = await p.becomes(second["message_id"], lambda m: "was cancelled by Olga" in m["text"])
        late = await p.client.press(second["message_id"], button(now, "Send 2"))
        await p.told(f"Draft {second['text'].split()[2]} was cancelled by Olga.", late)
        assert button(gone, "Fresh draft")
        assert [p.prompts(agent) for agent in p.agents] == [[], [], []]
        assert await p.app.services.claims.all_open() == []


async def test_auto_sends_without_asking_and_only_narrows(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        await p.client.say("/broadcast-targeted auto only w2")
        await p.message(lambda m: "1 of 1 taken" in m["text"] and "started" in m["text"])
        assert [len(p.prompts(agent)) for agent in p.agents] == [0, 1, 0]
        draft = await p.app.call("broadcast.draft", {"only": ["w1", "w3"]})
        params = {"draft": draft["draft"], "items": ["w1", "w1"], "wait": 20}
        left = await p.app.call("broadcast.apply", params)
        assert [(i["agent"], i["status"]) for i in left["items"]][1] == ("w3", "drafted")
        assert left["status"] == "pending", "what was not sent can still be sent"
        assert [len(p.prompts(agent)) for agent in p.agents] == [1, 1, 0]
        await p.client.say("/broadcast_targeted only w9")
        await p.message(lambda m: "No agent named w9" in m["text"] and "w1" in m["text"])


async def test_one_text_for_all_asks_first_and_a_bare_broadcast_never_sends(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        await p.client.say("/broadcast")
        await p.message(lambda m: "What shall I say to all agents?" in m["text"])
        draft = await p.draft("/broadcast !stop after this task.\nSay\x07 what is left.")
        assert "ℹ️ 1 control character was taken out" in draft["text"]
        assert [p.prompts(agent) for agent in p.agents] == [[], [], []]
        taps = [p.client.press(draft["message_id"], button(draft, "Send 3")) for _ in range(2)]
        await p.told(f"Olga sent draft {draft['text'].split()[2]} already", *await asyncio.gather(*taps))
        report = await sent(p, draft["message_id"], 3)
        assert str(report["text"]).count('"Message:" was put in front') == 3
        for agent in p.agents:
            assert len(p.prompts(agent)) == 1
            assert p.prompts(agent)[0].startswith("Message: !stop after this task.\nSay what is left.")
