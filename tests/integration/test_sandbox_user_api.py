"""The person's side of the sandbox: shapes of the contract, taps, groups, guards, and chats that survive a restart."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from bot.errors import DependencyMissing
from bot.sandbox.server import Sandbox
from tests.patience import PATIENCE_S

from .sandbox_client import Client, running


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running() as client:
        yield client


def keys(*labels: str) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": label, "callback_data": f"data:{label}"} for label in labels]]}


async def bot_says(client: Client, text: str, **more: Any) -> int:
    status, body = await client.call("sendMessage", chat_id=client.sandbox.owner, text=text, **more)
    assert status == 200, body
    return int(body["result"]["message_id"])


async def updates(client: Client) -> list[Any]:
    return list((await client.call("getUpdates"))[1]["result"])


async def test_shapes_of_the_contract(client: Client) -> None:
    state = await client.get("/sandbox/state")
    owner = client.sandbox.owner
    assert state["users"] == [{"id": owner, "name": "Sam"}]
    assert [(c["id"], c["type"]) for c in state["chats"]] == [(owner, "private")]
    ann = await client.post("/sandbox/users", {"name": "Ann"})
    assert set(ann) == {"id", "name"}
    private = await client.post("/sandbox/chats", {"type": "private", "members": [ann["id"]]})
    assert private["id"] == ann["id"]
    group = await client.post("/sandbox/chats", {"type": "group", "title": "Team", "members": [owner, ann["id"]]})
    assert group["id"] < 0 and group["title"] == "Team"
    await bot_says(client, "hi", reply_markup=keys("A", "B"))
    (message,) = (await client.messages())["messages"]
    promised = {"message_id", "from", "text", "entities", "buttons", "photo", "document", "edits", "deleted"}
    assert promised <= set(message)
    assert message["buttons"] == [
        [{"label": "A", "data": "data:A", "style": None}, {"label": "B", "data": "data:B", "style": None}]
    ]


async def test_seq_tells_what_changed(client: Client) -> None:
    first = await bot_says(client, "one")
    second = await bot_says(client, "two")
    seen = await client.messages()
    assert [m["text"] for m in seen["messages"]] == ["one", "two"]
    waiting = asyncio.create_task(client.messages(after=seen["seq"], wait=10))
    await asyncio.wait({waiting}, timeout=0.2)
    assert not waiting.done()
    await client.call("editMessageText", chat_id=client.sandbox.owner, message_id=first, text="one, again")
    changed = await asyncio.wait_for(waiting, PATIENCE_S)
    assert [(m["message_id"], m["text"], m["edits"]) for m in changed["messages"]] == [(first, "one, again", 1)]
    await client.call("deleteMessage", chat_id=client.sandbox.owner, message_id=second)
    gone = await client.messages(after=changed["seq"])
    assert [(m["message_id"], m["deleted"]) for m in gone["messages"]] == [(second, True)]
    assert gone["seq"] > changed["seq"] > seen["seq"]
    nothing = await client.messages(after=gone["seq"], wait=0.2)
    assert nothing["messages"] == [] and nothing["seq"] == gone["seq"]


async def test_a_tap_waits_for_its_answer(client: Client) -> None:
    number = await bot_says(client, "tap", reply_markup=keys("Go"))
    tap = asyncio.create_task(client.press(number, "Go"))
    (update,) = (await client.call("getUpdates", timeout=50))[1]["result"]
    query = update["callback_query"]
    assert query["data"] == "data:Go" and query["message"]["message_id"] == number and query["chat_instance"]
    await client.call("answerCallbackQuery", callback_query_id=query["id"], text="Went", show_alert=True)
    assert (await tap)["answer"] == {"text": "Went", "show_alert": True}


async def test_a_stale_tap_carries_its_old_data(client: Client) -> None:
    owner = client.sandbox.owner
    number = await bot_says(client, "tap", reply_markup=keys("Send 4"))
    await client.call("editMessageText", chat_id=owner, message_id=number, text="x", reply_markup=keys("Send 3"))
    path = f"/sandbox/chats/{owner}/messages/{number}/press"
    for button in ("Send 4", "data:Send 4", "Send 3"):
        await client.post(path, {"from": owner, "button": button, "wait": 0})
    assert [u["callback_query"]["data"] for u in await updates(client)] == ["data:Send 4", "data:Send 4", "data:Send 3"]
    status, body = await client.raw("POST", path, json={"from": owner, "button": "Never there"})
    assert status == 404 and "Send 3" in body["error"]["message"]


async def test_who_is_not_in_a_chat_cannot_act_there(client: Client) -> None:
    ann = (await client.post("/sandbox/users", {"name": "Ann"}))["id"]
    status, _body = await client.raw(
        "POST", f"/sandbox/chats/{client.sandbox.owner}/messages", json={"from": ann, "text": "x"}
    )
    assert status == 403


async def test_a_bot_in_a_group_hears_commands_and_replies_only(client: Client) -> None:
    owner = client.sandbox.owner
    group = (await client.post("/sandbox/chats", {"type": "group", "title": "Team", "members": [owner]}))["id"]
    sent = (await client.call("sendMessage", chat_id=group, text="hello"))[1]["result"]
    await client.say("just talking", chat=group)
    await client.say("/agents", chat=group)
    await client.say("/agents@other_bot", chat=group)
    await client.say("an answer", chat=group, reply_to=sent["message_id"])
    heard = await updates(client)
    assert [u["message"]["text"] for u in heard if "message" in u] == ["/agents", "an answer"]
    assert "my_chat_member" in heard[0]


async def test_a_reply_carries_the_message(client: Client) -> None:
    number = await bot_says(client, "edit me by replying")
    await client.say("the new text", reply_to=number)
    (update,) = await updates(client)
    assert update["message"]["reply_to_message"]["message_id"] == number


async def test_a_person_sends_a_file_an_album_and_edits_a_text(client: Client) -> None:
    owner = client.sandbox.owner
    path = f"/sandbox/chats/{owner}/messages"
    note = {"name": "plan.md", "text": "# Zoë"}
    await client.post(path, {"from": owner, "document": note, "caption": "/send w1"})
    picture = {"base64": base64.b64encode(picture_of(3, 2)).decode()}
    for _ in range(2):
        await client.post(path, {"from": owner, "photo": picture, "media_group": "7"})
    said = await client.say("one")
    await client.post(f"{path}/{said['message_id']}/edit", {"from": owner, "text": "/two"})
    document, first, second, text, edited = await updates(client)
    file = document["message"]["document"]
    assert (file["file_name"], file["mime_type"], file["file_size"]) == ("plan.md", "text/markdown", 6)
    assert "text" not in document["message"]
    assert document["message"]["caption_entities"] == [{"type": "bot_command", "offset": 0, "length": 5}]
    named = (await client.call("getFile", file_id=file["file_id"]))[1]["result"]
    address = f"{client.sandbox.origin}/file/bot{client.sandbox.token}/{named['file_path']}"
    async with client.session.get(address) as answer:
        assert (await answer.read()).decode() == "# Zoë"
    assert [m["message"]["media_group_id"] for m in (first, second)] == ["7", "7"]
    assert (first["message"]["photo"][-1]["width"], "message_id" in first["message"]) == (3, True)
    assert text["message"]["text"] == "one"
    assert edited["edited_message"] == {**text["message"], "text": "/two", **edited_parts(edited)}
    status, _body = await client.raw("POST", f"{path}/1/edit", json={"from": owner, "text": "x"})
    assert status == 403, "a file has no text to edit"


def edited_parts(update: dict[str, Any]) -> dict[str, Any]:
    entities = [{"type": "bot_command", "offset": 0, "length": 4}]
    return {"entities": entities, "edit_date": update["edited_message"]["edit_date"]}


def picture_of(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("headers", [{}, {"X-Sandbox-Key": "wrong"}])
async def test_without_the_key_nothing_is_told(client: Client, headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession() as stranger:
        for path in ("/sandbox/state", "/sandbox/calls", "/sandbox/panes"):
            async with stranger.get(client.sandbox.origin + path, headers=headers) as answer:
                assert answer.status == 401


async def test_another_host_name_is_not_served(client: Client) -> None:
    status, _body = await client.raw("GET", "/sandbox/state", headers={"Host": "evil.example:80"})
    assert status == 403


async def test_the_page_asks_nobody_else(client: Client) -> None:
    async with client.session.get(client.sandbox.origin + "/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        html = await answer.text()
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert "http://" not in html and "https://" not in html


@pytest.mark.parametrize("body", ["[]", "nonsense", "{}"])
async def test_a_wrong_body_is_explained(client: Client, body: str) -> None:
    status, answer = await client.raw("POST", f"/sandbox/chats/{client.sandbox.owner}/messages", data=body)
    assert status in {400, 404} and answer["error"]["message"]


WRONG = [
    ("/messages", {"from": 1001, "text": 7}, "text is a text"),
    ("/messages", {"from": "you", "text": "x"}, "from is a whole number"),
    ("/messages", {"from": 1001, "text": "x", "reply_to": "that"}, "reply_to is a whole number"),
    ("/messages", {"from": 1001, "text": "x" * 4097}, "a message has at most 4096 characters"),
    ("/messages", {"from": 1001, "document": "plan.md"}, "document is an object"),
    ("/messages", {"from": 1001, "document": {"name": "plan.md", "base64": "?"}}, "base64 is base64"),
    ("/messages", {"from": 1001, "document": {"name": "plan.md"}}, "file must be non-empty"),
    ("/messages", {"from": 1001, "photo": {"base64": "eA=="}}, "IMAGE_PROCESS_FAILED"),
    ("/messages/1/press", {"from": 1001, "button": "Go", "wait": "long"}, "wait is a number of seconds"),
    ("/block", {"from": 1001, "blocked": "perhaps"}, "blocked is true or false"),
    ("/upgrade", {}, "only a group becomes a supergroup"),
]


@pytest.mark.parametrize(("path", "body", "says"), WRONG)
async def test_a_wrong_field_is_named(client: Client, path: str, body: dict[str, Any], says: str) -> None:
    await bot_says(client, "tap", reply_markup=keys("Go"))
    status, answer = await client.raw("POST", f"/sandbox/chats/{client.sandbox.owner}{path}", json=body)
    assert status == 400 and says in answer["error"]["message"], answer


@pytest.mark.parametrize("query", ["after=x", "wait=soon", "wait=nan", "wait=-1", "after=1e9"])
async def test_a_wrong_query_is_named(client: Client, query: str) -> None:
    status, answer = await client.raw("GET", f"/sandbox/chats/{client.sandbox.owner}/messages?{query}")
    assert status == 400 and query.split("=", maxsplit=1)[0] in answer["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sandbox/faults", {"kind": "429", "count": "many"}),
        ("/sandbox/faults", {"kind": "429", "count": 0}),
        ("/sandbox/faults", {"kind": "earthquake"}),
        ("/sandbox/chats", {"type": "group", "members": "all"}),
        ("/sandbox/chats", {"type": "party"}),
        ("/sandbox/users", {"name": " "}),
    ],
)
async def test_what_cannot_be_made_is_refused(client: Client, path: str, body: dict[str, Any]) -> None:
    status, answer = await client.raw("POST", path, json=body)
    assert status == 400 and answer["error"]["message"]


async def test_chats_survive_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.json"
    async with running(state_file=file) as client:
        token, owner = client.sandbox.token, client.sandbox.owner
        number = await bot_says(client, "still here", reply_markup=keys("Go"))
        await client.say("unread by the bot")
    assert file.stat().st_mode & 0o077 == 0
    async with running(state_file=file, token=token) as client:
        assert [m["text"] for m in (await client.messages())["messages"]] == ["still here", "unread by the bot"]
        assert [u["message"]["text"] for u in await updates(client)] == ["unread by the bot"]
        await client.post(f"/sandbox/chats/{owner}/messages/{number}/press", {"from": owner, "button": "Go", "wait": 0})
    async with running(state_file=file) as client:  # another token: another bot, and the old chats are kept aside
        assert (await client.messages())["messages"] == []
    assert (tmp_path / "sandbox.json.old").is_file()


async def test_files_survive_a_restart_and_are_written_once(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.json"
    async with running(state_file=state) as client:
        token, path = client.sandbox.token, f"/bot{client.sandbox.token}/sendDocument"
        form = aiohttp.FormData({"chat_id": str(client.sandbox.owner)})
        form.add_field("document", b"the log", filename="maf.log")
        assert (await client.raw("POST", path, data=form))[0] == 200
        client.sandbox.world.save()
        (kept,) = (tmp_path / "sandbox.files").iterdir()
        written = kept.stat()
        assert written.st_mode & 0o077 == 0
        await bot_says(client, "more")
        client.sandbox.world.save()
        assert kept.stat() == written
    async with running(state_file=state, token=token) as client:
        (message, _) = (await client.messages())["messages"]
        async with client.session.get(client.sandbox.origin + message["document"]["url"]) as answer:
            assert await answer.read() == b"the log"


async def test_a_broken_state_file_is_put_aside(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.json"
    file.write_text("{half")
    async with running(state_file=file) as client:
        assert (await client.messages())["messages"] == []
    assert (tmp_path / "sandbox.json.old").read_text() == "{half"


async def test_a_taken_port_is_one_clear_error(client: Client) -> None:
    with pytest.raises(DependencyMissing, match=f"Port {client.sandbox.port} cannot be opened"):
        await Sandbox(client.sandbox.port).start()


async def test_panes_come_from_the_app() -> None:
    async def panes() -> list[dict[str, Any]]:
        return [{"agent": "w1", "state": "idle", "text": "> "}]

    async with running(panes=panes) as client:
        assert await client.get("/sandbox/panes") == await panes()
