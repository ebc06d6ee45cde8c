"""Reservations as real CLIs wrote down their calls of a real Agent Mail 0.2.1, and what is made of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clis.entry import Entry
from bot.clis.kinds import cli_for
from bot.mail.reservations import MAX_NAME, MAX_PROJECT, Reader, Reservation, granted

AT = "2026-11-24T13:03:43.971Z"
UNTIL, LATER = "2026-11-24T13:13:43.875154+00:00", "2026-11-24T13:43:43.875154+00:00"
ASKED = {"project_key": "/shop", "agent_name": "BoldBay", "paths": ["src/a.py"], "ttl_seconds": 600}
GRANT = {"id": 1, "path_pattern": "src/a.py", "exclusive": True, "reason": "", "expires_ts": UNTIL}
HOLDER = {"agent": "StormyOwl", "path_pattern": "src/a.py", "exclusive": True, "expires_ts": UNTIL}
GRANTED = {"granted": [GRANT], "conflicts": [{"path": "src/a.py", "holders": [HOLDER]}]}
RENEWED = {"id": 1, "path_pattern": "src/a.py", "old_expires_ts": UNTIL, "new_expires_ts": LATER}
STARTED = {"project": {"human_key": "/shop"}, "agent": {"name": "SageDune"}, "file_reservations": GRANTED, "inbox": []}
CYCLE = {"file_reservations": GRANTED}
MINE = Reservation("/shop", "BoldBay", 1, datetime(2026, 11, 24, 13, 13, 43, 875154, UTC))


def codex(tool: str, asked: Any, answer: Any, *, server: str = "agent-mail") -> list[dict[str, Any]]:
    """A call and its answer in a rollout of codex-cli 0.169.0; an answer that is a text is an error."""
    error = isinstance(answer, str)
    text = answer if isinstance(answer, str) else json.dumps(answer)
    call = {"type": "function_call", "call_id": "c1", "name": tool, "namespace": "mcp__agent_mail"}
    result = {"content": [{"type": "text", "text": text}], "isError": error}
    item = {"type": "McpToolCall", "id": "c1", "server": server, "tool": tool, "arguments": asked, "result": result}
    done = {"type": "item_completed", "turn_id": "t1", "item": item | {"status": "failed" if error else "completed"}}
    output = {"type": "function_call_output", "call_id": "c1", "output": f"Wall time: 0.1193 seconds\nOutput:\n{text}"}
    return [
        {"timestamp": AT, "type": "response_item", "payload": call | {"arguments": json.dumps(asked)}},
        {"timestamp": AT, "type": "event_msg", "payload": done},
        {"timestamp": AT, "type": "response_item", "payload": output},
    ]


def claude(tool: str, asked: Any, answer: Any, *, server: str = "agent-mail") -> list[dict[str, Any]]:
    """The same in a transcript of Claude Code 2.1.328."""
    error = isinstance(answer, str)
    call = {"type": "tool_use", "id": "toolu_1", "name": f"mcp__{server}__{tool}", "input": asked}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": answer if error else json.dumps(answer)}
    return [
        {"type": "assistant", "timestamp": AT, "message": {"id": "m1", "model": "claude", "content": [call]}},
        {"type": "user", "timestamp": AT, "message": {"content": [result | ({"is_error": True} if error else {})]}},
    ]


WRITE = {"codex": codex, "claude": claude}


def entries(folder: Path, kind: str, records: list[dict[str, Any]]) -> list[Entry]:
    path = folder / "conversation.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return cli_for(kind).entries(path, 0)[0]


@pytest.mark.parametrize("kind", WRITE)
@pytest.mark.parametrize(
    ("tool", "asked", "answer", "expected"),
    [
        ("file_reservation_paths", ASKED, GRANTED, [("BoldBay", 1, UNTIL)]),
        ("file_reservation_paths", ASKED, {"granted": [], "conflicts": [HOLDER]}, []),
        ("file_reservation_paths", ASKED, "Error calling tool: Agent 'Nobody' not found in project '/shop'.", []),
        ("renew_file_reservations", ASKED, {"renewed": 1, "file_reservations": [RENEWED]}, [("BoldBay", 1, LATER)]),
        ("renew_file_reservations", ASKED, {"renewed": 0, "file_reservations": []}, []),
        ("macro_start_session", {"human_key": "/shop"}, STARTED, [("SageDune", 1, UNTIL)]),
        ("macro_start_session", {"human_key": "/shop", "agent_name": "anybody"}, STARTED, [("SageDune", 1, UNTIL)]),
        ("macro_file_reservation_cycle", ASKED, CYCLE | {"released": None}, [("BoldBay", 1, UNTIL)]),
        ("macro_file_reservation_cycle", ASKED, CYCLE | {"released": {"released": 1}}, []),
        ("send_message", ASKED, GRANTED, []),
    ],
)  # fmt: skip
def test_what_both_clis_write_down(
    tmp_path: Path, kind: str, tool: str, asked: Any, answer: Any, expected: list[tuple[str, int, str]]
) -> None:
    found = Reader().read(entries(tmp_path, kind, WRITE[kind](tool, asked, answer)))
    assert [(one.project, one.name, one.number, one.expires_at) for one in found] == [
        ("/shop", name, number, datetime.fromisoformat(until)) for name, number, until in expected
    ]


@pytest.mark.parametrize("kind", WRITE)
@pytest.mark.parametrize("server", ["mcp-agent-mail", "mail", "my__mail"])
def test_the_server_may_have_any_name(tmp_path: Path, kind: str, server: str) -> None:
    records = WRITE[kind]("file_reservation_paths", ASKED, GRANTED, server=server)
    assert Reader().read(entries(tmp_path, kind, records)) == [MINE]


@pytest.mark.parametrize("kind", WRITE)
def test_a_call_and_its_answer_may_come_apart(tmp_path: Path, kind: str) -> None:
    reader = Reader()
    parts = [
        reader.read([entry]) for entry in entries(tmp_path, kind, WRITE[kind]("file_reservation_paths", ASKED, GRANTED))
    ]
    assert [one for part in parts for one in part] == [MINE]


def test_a_text_that_looks_like_an_answer_is_none(tmp_path: Path) -> None:
    """What a shell printed, or a call of another tool gave, is not what the server granted."""
    call, result = claude("file_reservation_paths", ASKED, GRANTED)
    call["message"]["content"][0] |= {"name": "Bash", "input": {"command": "cat granted.json"} | ASKED}
    assert Reader().read(entries(tmp_path, "claude", [call, result])) == []
    assert Reader().read(entries(tmp_path, "claude", [result])) == []


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({}, GRANTED),
        (ASKED | {"project_key": 7}, GRANTED),
        (ASKED | {"project_key": "p" * (MAX_PROJECT + 1)}, GRANTED),
        (ASKED | {"agent_name": "n" * (MAX_NAME + 1)}, GRANTED),
        (ASKED | {"agent_name": ""}, GRANTED),
        (ASKED | {"agent_name": "Bold\x00Bay"}, GRANTED),
        (ASKED | {"project_key": "/shop\n"}, GRANTED),
        (ASKED, {"granted": "all"}),
        (ASKED, {"granted": [1, None, {"id": "1", "expires_ts": UNTIL}]}),
        (ASKED, {"granted": [GRANT | {"id": 0}, GRANT | {"id": -1}, GRANT | {"id": 2**63}, GRANT | {"id": True}]}),
        (ASKED, {"granted": [GRANT | {"expires_ts": "soon"}, GRANT | {"expires_ts": 12}]}),
        (ASKED, {"file_reservations": None}),
    ],
)  # fmt: skip
def test_what_no_server_answers_is_left_out(asked: Any, answer: Any) -> None:
    assert list(granted(asked, answer)) == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | st.just(UNTIL),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["granted", "file_reservations", "id", "expires_ts", "agent", "name", "released"]), inner
        )
    ),
)


@given(asked=st.dictionaries(st.sampled_from([*ASKED, "human_key"]), ANYTHING), answer=ANYTHING)
def test_whatever_is_read_fits_the_store_and_breaks_nothing(asked: dict[str, Any], answer: Any) -> None:
    call = Entry("tool", id="c", data={"name": "mcp__mail__file_reservation_paths", "input": asked})
    result = Entry("tool", text=json.dumps(answer), id="c", data={"name": "", "result": True})
    for one in Reader().read([call, result]):
        assert 0 < one.number < 2**63 and one.expires_at.tzinfo is not None
        assert all(text.isprintable() for text in (one.project, one.name))


def test_calls_that_never_get_an_answer_are_given_up() -> None:
    reader = Reader()

    def call(number: int) -> Entry:
        return Entry("tool", id=f"c{number}", data={"name": "mcp__m__file_reservation_paths", "input": ASKED})

    def answer(number: int) -> Entry:
        return Entry("tool", text=json.dumps(GRANTED), id=f"c{number}", data={"result": True})

    assert reader.read([call(number) for number in range(100)]) == []
    assert reader.read([answer(number) for number in range(100)]) == [MINE] * 50
