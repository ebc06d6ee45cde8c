"""Hook events that wait for the bot."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.remote import spool

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


def test_events_come_out_in_their_order_and_once(tmp_path: Path) -> None:
    path = str(tmp_path / "hooks.spool")
    for number in range(5):
        spool.append(path, {"n": number})
    assert [event["n"] for event in spool.drain(path)] == [0, 1, 2, 3, 4]
    assert spool.drain(path) == []
    assert list(tmp_path.iterdir()) == []


def test_what_was_taken_and_not_read_before_a_crash_comes_out_first(tmp_path: Path) -> None:
    path = tmp_path / "hooks.spool"
    spool.append(str(path), {"n": 0})
    path.rename(tmp_path / "hooks.spool.taken")
    spool.append(str(path), {"n": 1})
    assert [event["n"] for event in spool.drain(str(path))] == [0, 1]
    assert list(tmp_path.iterdir()) == []


def test_it_is_private(tmp_path: Path) -> None:
    spool.append(str(tmp_path / "hooks.spool"), {})
    assert (tmp_path / "hooks.spool").stat().st_mode & 0o777 == 0o600


def test_it_stays_small_and_keeps_the_newest(tmp_path: Path) -> None:
    path = str(tmp_path / "hooks.spool")
    for number in range(2000):
        spool.append(path, {"n": number, "payload": "x" * 7000})
    total = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert total <= 2 * spool.MAX_BYTES
    kept = [event["n"] for event in spool.drain(path)]
    assert kept == list(range(kept[0], 2000))


def test_a_broken_line_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "hooks.spool"
    spool.append(str(path), {"n": 1})
    with path.open("ab") as file:
        file.write(b'{"n": \xff\n[1]\n')
    spool.append(str(path), {"n": 2})
    assert [event["n"] for event in spool.drain(str(path))] == [1, 2]


@given(JSON)
def test_short_values_are_kept_as_they_are(value: object) -> None:
    assert spool.shorten(value) == value


def test_long_strings_are_cut_wherever_they_stand() -> None:
    event = {"payload": {"tool_response": [{"stdout": "y" * 1_000_000}]}}
    line = json.dumps(spool.shorten(event))
    assert len(line) < 10_000
    assert line.startswith('{"payload": {"tool_response": [{"stdout": "yyy')


def test_an_event_of_a_million_small_things_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "hooks.spool"
    many = {f"k{n}": ["x" * 1000] * 1000 for n in range(20)}
    spool.append(str(path), {"agent": "w1", "payload": {"hook_event_name": "Stop", "tool_response": many}})
    assert path.stat().st_size < spool.LONGEST_LINE
    (event,) = spool.drain(str(path))
    assert (event["agent"], event["payload"]["hook_event_name"]) == ("w1", "Stop")


def test_an_event_as_deep_as_a_well_is_kept(tmp_path: Path) -> None:
    deep: list[object] = []
    for _ in range(800):
        deep = [deep]
    spool.append(str(tmp_path / "hooks.spool"), {"payload": {"hook_event_name": "Stop", "tool_response": deep}})
    (event,) = spool.drain(str(tmp_path / "hooks.spool"))
    assert event["payload"]["hook_event_name"] == "Stop"
