"""Who may do what, over HTTP: strangers, viewers, two supervisors at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import select

from bot.notices import post
from bot.store.tables import Base, UpdateRow
from bot.telegram.people import Access
from bot.telegram.tries import FREE, MOST_ROWS
from tests.flow.product import Product, button, crew, product, until
from tests.flow.test_permissions import asks
from tests.integration.sandbox_client import running


async def test_a_stranger_meets_silence_and_a_viewer_cannot_send(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        stranger = await p.person("Sam", "")
        await p.client.say("/start", who=stranger, chat=stranger)
        await p.client.say("/broadcast_targeted auto", who=stranger, chat=stranger)
        for n in range(FREE + 2):
            await p.client.say(f"/pair WRONG-CODE{n}", who=stranger, chat=stranger)
        await p.client.say("/pair@another_bot WRONG-CODE2", who=stranger, chat=stranger)
        await p.client.say("/pair_", who=stranger, chat=stranger)
        vera = await p.person("Vera", "viewer")
        group = await p.group(vera, stranger)
        draft = await p.draft(chat=group)
        refused = await p.client.press(draft["message_id"], button(draft, "Send 3"), who=vera, chat=group)
        await p.told("Only a supervisor may send. Ask Olga to approve.", refused, chat=group)
        silent = await p.client.press(draft["message_id"], button(draft, "Send 3"), who=stranger, chat=group)
        assert not silent["answer"]["text"]
        await p.client.say("/broadcast_targeted auto", who=vera, chat=vera)
        await p.message(lambda m: "Only an operator may" in m["text"], chat=vera)
        assert [m for m in await p.all(stranger) if m["from"]["is_bot"]] == []
        assert [p.prompts(agent) for agent in p.agents] == [[], [], []]
        await p.all_handled()
        trail = await p.app.call("audit", {})
        assert any(e["actor"].startswith("Vera") and e["outcome"].startswith("refused") for e in trail)
        knocks = [(e["action"], e["outcome"].split(":", maxsplit=1)[0]) for e in trail if e["actor"].startswith("Sam")]
        assert knocks == [("pair", "refused")] * FREE  # after that not even a row
        async with p.app.services.store.begin() as tx:
            updates = [str(row.payload) for row in await tx.scalars(select(UpdateRow))]
        assert updates and not [one for one in updates if str(stranger) in one], "what strangers say is not kept"


async def test_before_there_is_an_owner_start_says_what_to_run_and_nothing_else_does(tmp_path: Path) -> None:
    async with running() as client:
        server = client.sandbox
        async with crew(tmp_path, server=server.origin, token=server.token, agents=0, beads=False) as made:
            sam = (await client.post("/sandbox/users", {"name": "Sam"}))["id"]
            chat = {"type": "group", "title": "Team", "members": [sam, server.owner]}
            group = (await client.post("/sandbox/chats", chat))["id"]
            for word in ("/help", "/agents", "hello", "/broadcast_targeted auto"):
                await client.say(word, who=sam, chat=sam)
            await client.say("/start", who=sam, chat=group)
            await client.say("/start", who=sam, chat=sam)
            said = await client.until(lambda ms: any(m["from"]["is_bot"] for m in ms), chat=sam)
            assert [m["text"].splitlines()[1] for m in said if m["from"]["is_bot"]] == ["maf pair"]
            code = (await made.app.call("pair.create", {"role": "owner"}))["code"]
            await client.say(f"/pair {code}", chat=group)  # in a group: this is the supervisors' chat from now on
            await client.until(lambda ms: any("You are an owner" in m["text"] for m in ms), chat=group)
            await client.say("/start", who=sam, chat=sam)
            await client.say("/help", chat=group)
            answers = await client.until(lambda ms: sum(m["from"]["is_bot"] for m in ms) == 2, chat=group)
            assert next(m["text"] for m in answers if m["from"]["is_bot"]).startswith("Welcome")
            silent = (await client.messages(chat=sam))["messages"]
            assert len([m for m in silent if m["from"]["is_bot"]]) == 1
            access = Access(made.app.services.store, made.app.services.clock)
            assert await access.supervisor_chat() == group


async def test_who_is_given_less_may_less_and_who_is_shut_out_meets_silence(tmp_path: Path) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        vera = await p.person("Vera", "supervisor")
        done = await p.app.call("people.role", {"id": vera, "role": "viewer"})
        assert (done["name"], done["was"], done["role"]) == ("Vera", "supervisor", "viewer")
        await p.client.say("/broadcast_targeted auto", who=vera, chat=vera)
        await p.message(lambda m: "Only an operator may" in m["text"], chat=vera)
        await p.app.call("people.remove", {"id": vera})
        assert [one["name"] for one in await p.app.call("people.list", {})] == ["Olga"]
        said = len(await p.all(vera))
        await p.client.say("/help", who=vera, chat=vera)
        await p.all_handled()
        assert len(await p.all(vera)) == said + 1  # her own words


async def test_of_two_who_tap_at_once_one_wins_and_the_other_is_told_who(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        sue = await p.person("Sue", "supervisor")
        group = await p.group(sue)
        draft = await p.draft(chat=group)
        label = button(draft, "Send 3")
        answers = await asyncio.gather(
            p.client.press(draft["message_id"], label, chat=group),
            p.client.press(draft["message_id"], label, chat=group, who=sue),
        )
        await until(lambda: _has_refused(p), what="a tap that came too late")
        (late,) = await _refused(p)
        winner = "Olga" if "Sue" in late["actor"] else "Sue"
        await p.told(f"{winner} sent draft", *answers, chat=group)
        await p.becomes(draft["message_id"], lambda m: "3 of 3 taken" in m["text"], chat=group)
        assert [len(p.prompts(agent)) for agent in p.agents] == [1, 1, 1]


async def _has_refused(p) -> bool:  # type: ignore[no-untyped-def]
    return bool(await _refused(p))


async def _refused(p) -> list[dict[str, str]]:  # type: ignore[no-untyped-def]
    return [e for e in await p.app.call("audit", {}) if e["outcome"].startswith("refused")]


async def test_a_one_time_code_is_good_once(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        code = (await p.app.call("pair.create", {"role": "operator"}))["code"]
        ann = await p.person("Ann", "")
        bob = await p.person("Bob", "")
        await p.client.say(f"/pair {code}", who=ann, chat=ann)
        await p.message(lambda m: "Welcome, Ann. You are an operator" in m["text"], chat=ann)
        await p.client.say(f"/pair {code}", who=bob, chat=bob)
        await p.client.say("/help", who=ann, chat=ann)
        await p.message(lambda m: "/send AGENT TEXT" in m["text"], chat=ann)
        assert [m for m in await p.all(bob) if m["from"]["is_bot"]] == []
        assert all(code not in str(e) for e in await p.app.call("audit", {}))


async def test_a_live_code_stands_in_no_row(tmp_path: Path) -> None:
    """Wherever somebody who is let in writes it, in whatever spelling; a prompt for an agent is kept as it is."""
    async with product(tmp_path, agents=0, beads=False) as p:
        code = (await p.app.call("pair.create", {"role": "operator"}))["code"]
        plain = code.replace("-", "").lower()
        spaced = " ".join(plain)
        for text in (code, f"/pair{code}", f"/agent {code}", f"/new {plain}", f"/audit {spaced}", f"Ann: {spaced}"):
            await p.client.say(text)
        await p.all_handled()
        await p.message(lambda m: "No agent named …" in m["text"])
        kept = await _everything(p)
        assert "no agent named" in kept
        assert plain not in "".join(c for c in kept if c.isalnum())
        await p.client.say(f"/pair {code}", who=(ann := await p.person("Ann", "")), chat=ann)
        await p.message(lambda m: "Welcome, Ann" in m["text"], chat=ann)


async def _everything(p: Product) -> str:
    """All rows of all tables, in lower case."""
    async with p.app.services.store.begin() as tx:
        tables = [await tx.execute(select(table)) for table in Base.metadata.sorted_tables]
        return "\n".join(str(row) for rows in tables for row in rows).lower()


async def test_strangers_neither_block_pairing_nor_fill_the_store(tmp_path: Path) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        code = (await p.app.call("pair.create", {"role": "operator"}))["code"]
        strangers = [await p.person(f"Sam{n}", "") for n in range(60)]
        for n, stranger in enumerate(strangers):
            await p.client.say(f"/pair WRONG-CODE{n} mallory's words", who=stranger, chat=stranger)
            await p.client.say("mallory's words", who=stranger, chat=stranger)
        await p.all_handled()
        kept = await _everything(p)
        assert "mallory" not in kept
        assert sum(e["action"] == "pair" for e in await p.app.call("audit", {"limit": 1000})) == MOST_ROWS
        ann = await p.person("Ann", "")
        await p.client.say(f"/pair {code}", who=ann, chat=ann)
        await p.message(lambda m: "Welcome, Ann" in m["text"], chat=ann)


async def test_a_viewer_who_pairs_in_the_supervisors_group_does_not_take_it_away(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        vera, olga = await p.person("Vera", ""), p.client.sandbox.owner
        group = await p.group(vera)
        for role, who in (("owner", olga), ("viewer", vera)):
            code = (await p.app.call("pair.create", {"role": role}))["code"]
            await p.client.say(f"/pair {code}", who=who, chat=group)
            await p.message(lambda m, role=role: "You are an owner" in m["text"] or role in m["text"], chat=group)
        await p.all_handled()
        async with p.app.services.store.begin() as tx:
            await post(tx, "text", {"text": "w1 needs you"})
        await p.message(lambda m: "w1 needs you" in m["text"], chat=group)


async def test_when_an_owner_goes_what_agents_need_is_asked_of_the_one_who_is_left(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        olga, anna = p.client.sandbox.owner, await p.person("Anna", "owner")
        await asks(p, "w1", "rm -r build")
        asked = await p.message(lambda m: m["text"].startswith("✋"))
        await p.app.call("people.remove", {"id": olga})
        await p.message(lambda m: "Olga is no owner any more" in m["text"], chat=anna)
        card = await p.message(lambda m: m["text"].startswith("✋"), chat=anna)
        await p.client.press(card["message_id"], button(card, "Yes"), who=anna, chat=anna)
        await p.becomes(card["message_id"], lambda m: "Anna" in m["text"], chat=anna)
        assert next(m for m in await p.all() if m["message_id"] == asked["message_id"])["edits"] == asked["edits"]


async def test_a_project_without_beads_says_once_what_to_do(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        await p.client.say("/broadcast_targeted")
        said = await p.message(lambda m: "There are no Beads" in m["text"])
        assert said["text"].count("bd init") == 1
        assert said["text"].startswith(f"There are no Beads (.beads) in {p.project} or above it.")
