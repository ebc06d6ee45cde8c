"""The audit trail says what was done: over HTTP and by the operations that the command line calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.store.audit import fingerprint
from tests.flow.product import Product, button, product, until


async def entries(p: Product, action: str) -> list[dict[str, Any]]:
    return [one for one in await p.app.call("audit", {"limit": 1000}) if one["action"] == action]


async def entry(p: Product, action: str) -> dict[str, Any]:
    """The newest of that action, once it has ended."""

    async def ended() -> bool:
        return bool(found := await entries(p, action)) and found[0]["outcome"] != "begun"

    await until(ended, f"a row of {action}")
    return (await entries(p, action))[0]


async def skipped(p: Product) -> bool:
    return len(await entries(p, "draft.edit")) == 2


async def test_prompts_are_kept_by_hash_and_length_and_name_their_agents(tmp_path: Path) -> None:
    secret = "the plan that nobody else is to read"
    async with product(tmp_path, agents=2) as p:
        await p.client.say(f"/send w1 {secret}")
        await p.message(lambda m: "w1 · prompt" in m["text"])
        sent = await entry(p, "send")
        assert sent["target"] == "/send w1"
        assert {name: sent["detail"][name] for name in ("sha256", "characters")} == fingerprint(secret)
        assert sent["detail"]["delivery"]

        await p.app.call("agent.send", {"id": "w2", "text": secret})
        row = await entry(p, "agent.send")
        assert (row["target"], row["detail"]["sha256"]) == ("w2", fingerprint(secret)["sha256"])

        draft = await p.draft()
        await p.client.press(draft["message_id"], button(draft, "Look at each"))
        page = await p.becomes(draft["message_id"], lambda m: "1/2" in m["text"])
        await p.client.say(secret, reply_to=page["message_id"])
        await p.message(lambda m: "w1 gets your text" in m["text"])
        edit = await entry(p, "draft.edit")
        assert (edit["detail"]["agent"], edit["detail"]["sha256"]) == ("w1", fingerprint(secret)["sha256"])
        page = await p.becomes(draft["message_id"], lambda m: "1/2" in m["text"] and "edited by Olga" in m["text"])
        await p.client.press(draft["message_id"], button(page, "Skip"))
        await until(lambda: skipped(p), "a second row")
        detail = (await entry(p, "draft.edit"))["detail"]
        assert (detail["draft"], detail["agent"]) == (edit["detail"]["draft"], "w1")
        assert secret not in str(await p.app.call("audit", {"limit": 1000}))


async def test_what_is_sent_of_a_draft_is_kept_for_each_agent(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2) as p:
        draft = await p.draft()
        prompts = {item["agent"]: item["prompt"] for item in (await p.status())["items"]}
        await p.client.press(draft["message_id"], button(draft, "Send 2"))
        row = await entry(p, "draft.send")
        assert row["detail"]["prompts"] == {agent: fingerprint(text) for agent, text in prompts.items()}


async def test_roles_commands_and_whole_fleets_are_named(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2) as p:
        ann = await p.person("Ann", "viewer")
        assert (await entry(p, "pair"))["detail"] == {"role": "viewer"}
        assert (await entry(p, "pair.create"))["target"] == "viewer"
        await p.app.call("people.role", {"id": ann, "role": "operator"})
        given = await entry(p, "people.role")
        assert (given["target"], given["detail"]) == (str(ann), {"role": "operator", "name": "Ann", "was": "viewer"})
        await p.app.call("agent.run", {"id": "w1", "command": "echo hello"})
        assert (await entry(p, "agent.run"))["detail"] == {"command": "echo hello"}
        await p.app.call("agent.freeze", {})
        assert sorted((await entry(p, "agent.freeze"))["detail"]["agents"]) == ["w1", "w2"]
        await p.app.call("agent.thaw", {})
        assert sorted((await entry(p, "agent.thaw"))["detail"]["agents"]) == ["w1", "w2"]


async def test_a_prompt_that_waits_can_be_called_off_and_one_that_is_sent_later_is_in_the_trail(
    tmp_path: Path,
) -> None:
    async with product(tmp_path, agents=1) as p:
        await p.app.call("agent.send", {"id": "w1", "text": "WAIT5 at first"})
        await p.client.say("/send w1 never to be typed")
        never = await p.message(lambda m: "queued, sent when it is free, until" in m["text"])
        await p.client.say("/send w1 typed later")
        later = await p.message(lambda m: m["message_id"] != never["message_id"] and "queued, sent" in m["text"])
        for _ in range(2):
            await p.client.press(never["message_id"], button(never, "Don't send to w1"))
        await p.becomes(never["message_id"], lambda m: "Olga called it off. Nothing was typed." in m["text"])
        row = await entry(p, "delivery.call-off")
        assert (row["detail"]["agent"], row["detail"]["characters"]) == ("w1", len("never to be typed\nref: d12345678"))
        await p.becomes(later["message_id"], lambda m: "prompt started" in m["text"])
        begun = await entry(p, "delivery.begin")
        assert (begun["actor"], begun["place"], begun["target"], begun["outcome"]) == ("bot", "schedule", "w1", "done")
        assert begun["detail"]["for"] == "Olga"
        assert [text.splitlines()[0] for text in p.prompts("w1")] == ["WAIT5 at first", "typed later"]
        late = await p.client.press(later["message_id"], button(never, "Don't send to w1"))
        assert late["answer"] is None or "Not sent" not in str(late["answer"])
