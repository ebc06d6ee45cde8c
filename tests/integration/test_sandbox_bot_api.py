"""The bot's side of the sandbox: limits, error texts, offsets, conflicts, faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.patience import PATIENCE_S

from .sandbox_client import Client, running


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running() as client:
        yield client


def keys(**button: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "Go", **button}]]}


HTML_LEFT_OPEN = "can't parse entities: Can't find end tag corresponding to start tag \"b\""
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
HYPHEN = [{"command": "broadcast-targeted", "description": "d"}]
REFUSED = [
    ("sendMessage", {"text": ""}, "message text is empty"),
    ("sendMessage", {"text": " \n "}, "message text is empty"),
    ("sendMessage", {"text": "x" * 4097}, "message is too long"),
    ("sendMessage", {"text": "🙂" * 2049}, "message is too long"),
    ("sendMessage", {"text": "x", "reply_markup": keys(callback_data="d" * 65)}, "BUTTON_DATA_INVALID"),
    ("sendMessage", {"text": "x", "reply_markup": keys(callback_data="й" * 33)}, "BUTTON_DATA_INVALID"),
    ("sendMessage", {"text": "x", "message_thread_id": 99}, "message thread not found"),
    ("sendMessage", {"text": "x", "chat_id": 5}, "chat not found"),
    ("sendMessage", {"text": "<b>x", "parse_mode": "HTML"}, HTML_LEFT_OPEN),
    *(("getChat", {"chat_id": wrong}, "chat not found") for wrong in ("²", "--5", "9" * 5000, "@nobody")),
    ("getUpdates", {"offset": float("inf")}, 'field "offset" must be a valid Number'),
    ("editMessageText", {"text": "x", "message_id": 77}, "message to edit not found"),
    ("deleteMessage", {"message_id": 77}, "message to delete not found"),
    ("setMyCommands", {"commands": HYPHEN}, "BOT_COMMAND_INVALID"),
    ("setMyCommands", {"commands": [{"command": "a"}]}, "command description must be non-empty"),
    ("getMyCommands", {"scope": {"type": "all"}}, "can't parse BotCommandScope: Unsupported type specified"),
    ("getMyCommands", {"scope": {"type": "chat"}}, "can't parse BotCommandScope: Can't find field \"chat_id\""),
    ("deleteMyCommands", {"scope": {"type": "chat", "chat_id": 5}}, "chat not found"),
    ("answerCallbackQuery", {"callback_query_id": "1"}, TOO_OLD),
    ("sendChatAction", {"action": "dancing"}, "wrong parameter action in request"),
    ("sendMessage", {"text": "half a character: \ud83d"}, "strings must be encoded in UTF-8"),
    ("deleteMessages", {"message_ids": ["x"]}, "message identifiers are not specified"),
    ("setMyCommands", {"commands": [1]}, "can't parse commands: expected an Array of BotCommand"),
    ("sendMessage", {"text": "x", "reply_parameters": 7}, "can't parse reply parameters: expected an Object"),
    ("sendMessage", {"text": "x", "reply_parameters": {"message_id": 7}}, "message to be replied not found"),
]


@pytest.mark.parametrize(("method", "parameters", "description"), REFUSED)
async def test_refusals_have_the_servers_words(
    client: Client, method: str, parameters: dict[str, Any], description: str
) -> None:
    status, body = await client.call(method, **{"chat_id": client.sandbox.owner, **parameters})
    assert (status, body) == (400, {"ok": False, "error_code": 400, "description": "Bad Request: " + description})


@pytest.mark.parametrize("form", ["query", "urlencoded", "multipart", "json", "nested as text"])
async def test_a_call_may_come_in_any_form(client: Client, form: str) -> None:
    keyboard = json.dumps(keys(callback_data="go"))
    plain = {"chat_id": str(client.sandbox.owner), "text": "hi", "reply_markup": keyboard}
    sent: dict[str, Any]
    if form == "query":
        sent = {"params": plain}
    elif form == "urlencoded":
        sent = {"data": plain}
    elif form == "multipart":
        sent = {"data": aiohttp.FormData(plain, default_to_multipart=True)}
    elif form == "json":
        sent = {"json": {"chat_id": client.sandbox.owner, "text": "hi", "reply_markup": json.loads(keyboard)}}
    else:
        sent = {"json": plain}
    path = f"/bot{client.sandbox.token}/sendmessage"
    status, body = await client.raw("GET" if form == "query" else "POST", path, **sent)
    assert status == 200
    assert body["result"]["reply_markup"] == json.loads(keyboard)
    assert (await client.raw("DELETE", path))[0] == 404


async def test_paths_that_are_no_method(client: Client) -> None:
    nowhere = {"ok": False, "error_code": 404, "description": "Not Found"}
    assert await client.raw("GET", f"/bot{client.sandbox.token}") == (404, nowhere)
    assert await client.raw("GET", f"/bot{client.sandbox.token}/a/b") == (404, nowhere)
    status, body = await client.raw("GET", "/botnonsense/getMe")
    assert (status, body["description"]) == (401, "Unauthorized: invalid token specified")


async def test_an_unknown_method(client: Client) -> None:
    status, body = await client.call("noSuchMethod")
    assert (status, body["description"]) == (404, "Not Found: method not found")


@pytest.mark.parametrize(
    "entity",
    [
        {"type": "bold", "offset": 3, "length": 9},
        {"type": "bold", "offset": 0, "length": 0},
        {"type": "nonsense", "offset": 0, "length": 1},
        {"type": "bold", "offset": 0, "length": 1},  # half of the emoji
        {"type": ["bold"], "offset": 2, "length": 1},
    ],
)
async def test_wrong_entities_are_refused(client: Client, entity: dict[str, Any]) -> None:
    status, body = await client.call("sendMessage", chat_id=client.sandbox.owner, text="🙂abc", entities=[entity])
    assert status == 400 and body["description"].startswith("Bad Request:")


@pytest.mark.parametrize("button", [{"callback_data": "x", "style": ["danger"]}, {"copy_text": "x"}, {"copy_text": {}}])
async def test_wrong_buttons_are_refused(client: Client, button: dict[str, Any]) -> None:
    status, body = await client.call("sendMessage", chat_id=client.sandbox.owner, text="x", reply_markup=keys(**button))
    assert status == 400 and body["description"].startswith("Bad Request:")


async def test_limits_are_inclusive(client: Client) -> None:
    status, body = await client.call(
        "sendMessage", chat_id=client.sandbox.owner, text="x" * 4096, reply_markup=keys(callback_data="d" * 64)
    )
    assert status == 200 and len(body["result"]["text"]) == 4096


async def test_tokens(client: Client) -> None:
    wrong = "123:" + "x" * 35
    assert await client.raw("GET", f"/bot{wrong}/getMe") == (
        401,
        {"ok": False, "error_code": 401, "description": "Unauthorized"},
    )
    status, body = await client.raw("GET", f"/bot{client.sandbox.token}/GETME")
    assert status == 200 and body["result"]["is_bot"] is True


async def test_not_modified_and_who_may_be_edited(client: Client) -> None:
    owner = client.sandbox.owner
    sent = (await client.call("sendMessage", chat_id=owner, text="one"))[1]["result"]
    status, body = await client.call("editMessageText", chat_id=owner, message_id=sent["message_id"], text="one")
    assert status == 400 and body["description"].startswith("Bad Request: message is not modified: specified new")
    theirs = await client.say("hello")
    status, body = await client.call("editMessageText", chat_id=owner, message_id=theirs["message_id"], text="x")
    assert (status, body["description"]) == (400, "Bad Request: message can't be edited")


async def test_a_stranger_must_write_first(client: Client) -> None:
    ann = (await client.post("/sandbox/users", {"name": "Ann"}))["id"]
    status, body = await client.call("sendMessage", chat_id=ann, text="hi")
    assert (status, body["description"]) == (403, "Forbidden: bot can't initiate conversation with a user")
    await client.say("hello", chat=ann, who=ann)
    assert (await client.call("sendMessage", chat_id=ann, text="hi"))[0] == 200
    await client.post(f"/sandbox/chats/{ann}/block", {"from": ann, "blocked": True})
    status, body = await client.call("sendMessage", chat_id=ann, text="hi")
    assert (status, body["description"]) == (403, "Forbidden: bot was blocked by the user")


async def test_commands_in_a_text_are_marked_as_telegram_marks_them(client: Client) -> None:
    message = await client.say("/broadcast-targeted auto")
    assert message["entities"] == [{"type": "bot_command", "offset": 0, "length": len("/broadcast")}]
    message = await client.say("🙂 see /agent_w1 at https://example.org/a")
    kinds = [(e["type"], e["offset"], e["length"]) for e in message["entities"]]
    assert kinds == [("bot_command", 7, 9), ("url", 20, 21)]


async def test_each_scope_has_its_own_menu_and_the_narrowest_is_shown(client: Client) -> None:
    owner = client.sandbox.owner
    for scope in ({}, {"scope": {"type": "all_private_chats"}}, {"scope": {"type": "chat", "chat_id": owner}}):
        name = (scope.get("scope") or {"type": "default"})["type"]
        await client.call("setMyCommands", commands=[{"command": name, "description": "d"}], **scope)
        (shown,) = await client.get(f"/sandbox/commands?chat={owner}")
        _, own = await client.call("getMyCommands", **scope)
        assert (shown["command"], own["result"][0]["command"]) == (name, name)


async def test_offsets_confirm(client: Client) -> None:
    for text in ("a", "b", "c"):
        await client.say(text)
    first = (await client.call("getUpdates"))[1]["result"]
    assert [u["message"]["text"] for u in first] == ["a", "b", "c"]
    ids = [u["update_id"] for u in first]
    assert ids == list(range(ids[0], ids[0] + 3))
    again = (await client.call("getUpdates", offset=ids[1], limit=1))[1]["result"]
    assert [u["message"]["text"] for u in again] == ["b"]
    assert [u["message"]["text"] for u in (await client.call("getUpdates", offset=-1))[1]["result"]] == ["c"]
    assert (await client.call("getUpdates", offset=ids[2] + 1))[1]["result"] == []


async def test_allowed_updates_stick(client: Client) -> None:
    await client.call("getUpdates", allowed_updates=["callback_query"], offset=1)
    await client.say("unheard")
    assert (await client.call("getUpdates", offset=2))[1]["result"] == []


async def test_long_poll_wakes_at_once(client: Client) -> None:
    poll = asyncio.create_task(client.call("getUpdates", timeout=20))
    await asyncio.wait({poll}, timeout=0.2)
    assert not poll.done()
    await client.say("now")
    status, body = await asyncio.wait_for(poll, PATIENCE_S)
    assert status == 200 and body["result"][0]["message"]["text"] == "now"


async def test_the_older_of_two_polls_is_ended(client: Client) -> None:
    older = asyncio.create_task(client.call("getUpdates", timeout=20))
    await asyncio.wait({older}, timeout=0.2)
    newer = asyncio.create_task(client.call("getUpdates", timeout=20))
    status, body = await asyncio.wait_for(older, PATIENCE_S)
    assert status == 409 and body["description"].startswith("Conflict: terminated by other getUpdates request")
    await client.say("for the newer")
    assert (await asyncio.wait_for(newer, PATIENCE_S))[1]["result"]


async def test_webhook_excludes_polling(client: Client) -> None:
    assert (await client.call("setWebhook", url="http://127.0.0.1:9/hook"))[0] == 200
    status, body = await client.call("getUpdates")
    assert status == 409 and "webhook is active" in body["description"]
    await client.call("deleteWebhook")
    assert (await client.call("getUpdates"))[0] == 200


async def test_faults_are_used_up(client: Client) -> None:
    owner = client.sandbox.owner
    await client.fault("429", method="sendMessage", count=1, retry_after=7)
    status, body = await client.call("sendMessage", chat_id=owner, text="x")
    assert status == 429 and body["parameters"] == {"retry_after": 7}
    assert body["description"] == "Too Many Requests: retry after 7"
    await client.fault("blocked", method="sendMessage")
    assert (await client.call("sendMessage", chat_id=owner, text="x"))[0] == 403
    await client.fault("500")
    assert (await client.call("getMe"))[0] == 500
    await client.fault("502", method="getMe")
    async with client.session.get(f"{client.sandbox.origin}/bot{client.sandbox.token}/getMe") as answer:
        assert (answer.status, answer.content_type) == (502, "text/html")
    await client.fault("drop", method="getMe")
    with pytest.raises(aiohttp.ClientError):
        await client.call("getMe")
    await client.fault("conflict")
    assert (await client.call("getUpdates"))[0] == 409
    await client.fault("timeout", method="getMe")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.call("getMe"), 0.5)
    assert (await client.call("sendMessage", chat_id=owner, text="x"))[0] == 200


async def test_who_blocks_the_bot_stops_no_other_call(client: Client) -> None:
    await client.fault("blocked")
    assert (await client.call("getUpdates"))[0] == 200
    assert (await client.call("sendMessage", chat_id=client.sandbox.owner, text="x"))[0] == 403


@pytest.mark.parametrize("method", [{}, {"method": "getUpdates"}])
async def test_a_duplicate_comes_again_with_the_same_id(client: Client, method: dict[str, str]) -> None:
    await client.fault("duplicate", **method)
    await client.say("twice")
    first = (await client.call("getUpdates"))[1]["result"]
    second = (await client.call("getUpdates", offset=first[0]["update_id"] + 1))[1]["result"]
    assert first == second


async def test_calls_are_written_down(client: Client) -> None:
    await client.call("sendMessage", chat_id=client.sandbox.owner, text="noted")
    (call,) = await client.calls("sendmessage")
    assert call["parameters"]["text"] == "noted" and call["answer"]["ok"] is True and call["at"].endswith("Z")


async def test_a_group_becomes_a_supergroup(client: Client) -> None:
    owner = client.sandbox.owner
    old = (await client.post("/sandbox/chats", {"type": "group", "title": "Team", "members": [owner]}))["id"]
    new = (await client.post(f"/sandbox/chats/{old}/upgrade", {}))["id"]
    status, body = await client.call("sendMessage", chat_id=old, text="x")
    assert (status, body["description"]) == (400, "Bad Request: group chat was upgraded to a supergroup chat")
    assert body["parameters"] == {"migrate_to_chat_id": new}
    assert (await client.call("sendMessage", chat_id=new, text="x"))[1]["result"]["chat"]["type"] == "supergroup"
    await client.post(f"/sandbox/chats/{new}/block", {"from": owner})
    status, body = await client.call("sendMessage", chat_id=new, text="x")
    assert (status, body["description"]) == (403, "Forbidden: bot was kicked from the supergroup chat")


async def test_what_is_deleted_is_no_longer_pinned(client: Client) -> None:
    owner = client.sandbox.owner
    number = (await client.call("sendMessage", chat_id=owner, text="x"))[1]["result"]["message_id"]
    await client.call("pinChatMessage", chat_id=owner, message_id=number)
    await client.call("deleteMessage", chat_id=owner, message_id=number)
    assert (await client.messages())["pinned"] == []
    assert "pinned_message" not in (await client.call("getChat", chat_id=owner))[1]["result"]


@pytest.mark.parametrize("depth", [150, 900, 5000, 50_000])
@pytest.mark.parametrize("opens", ["[", '{"a":'])
async def test_what_is_nested_deeply_is_refused_on_either_side(client: Client, depth: int, opens: str) -> None:
    deep = opens * depth + "1" + ("]" if opens == "[" else "}") * depth
    whole = (
        f'{{"chat_id": {client.sandbox.owner}, "from": {client.sandbox.owner}, "text": "x", "reply_markup": {deep}}}'
    )
    path = f"/bot{client.sandbox.token}/sendMessage"
    headers = {"Content-Type": "application/json"}
    assert (await client.raw("POST", path, data=whole.encode(), headers=headers))[0] == 400
    for form in ({"json": {"chat_id": 1, "text": "x", "entities": deep}}, {"data": {"chat_id": "1", "entities": deep}}):
        assert (await client.raw("POST", path, **form))[0] == 400
    for place in (f"/sandbox/chats/{client.sandbox.owner}/messages", "/sandbox/users", "/sandbox/faults"):
        assert (await client.raw("POST", place, data=whole.encode(), headers=headers))[0] == 400
    assert len(await client.get("/sandbox/calls")) == 3
