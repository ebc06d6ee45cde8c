"""The pure rules of agents and deliveries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.delivery.composer import fold, has_left, standing
from bot.agents.delivery.recovery import after_restart
from bot.agents.delivery.text import MAX_BYTES, TextRefused, new_ref, normalise, prepare, with_ref
from bot.agents.preflight import Facts, decide
from bot.agents.state import announce
from bot.agents.state.announce import Held, hold
from bot.agents.state.turn import Call, CallEnd, Turn, follow
from bot.clis.entry import Entry, EntryKind
from bot.clis.model import Composer, Dialog, ScreenReading, State
from bot.errors import Refused

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


# Text


@given(st.text(max_size=300))
def test_a_normal_text_holds_no_control_characters_and_stays_so(text: str) -> None:
    try:
        clean = normalise(text).text
    except TextRefused:
        assert not "".join(c for c in text if c.isprintable()).strip() or "\x1b" in text or "\x9b" in text
        return
    assert all(c in "\n\t" or ord(c) >= 32 for c in clean)
    assert not any(127 <= ord(c) <= 159 for c in clean)
    assert normalise(clean).text == clean
    assert normalise(clean).notes == ()


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(str.strip))
def test_a_text_without_control_characters_is_left_alone(text: str) -> None:
    assert normalise(text).text == text


@pytest.mark.parametrize(
    ("text", "clean", "taken"),
    [
        ("a\r\nb\rc", "a\nb\nc", ()),
        ("a\x1b[201~b", "ab", ("1 control character was taken out",)),
        ("\x1b[31mred\x1b[0m\x07", "red", ("3 control characters were taken out",)),
        ("x\x1b]0;title\x07y", "xy", ("1 control character was taken out",)),
        ("tab\tstays\x7f", "tab\tstays", ("1 control character was taken out",)),
        ("\x1b\x1b[20\x001~x", "201~x", ("3 control characters were taken out",)),
        ("a\x9b201~b", "ab", ("1 control character was taken out",)),
    ],
)
def test_what_is_taken_out_is_told(text: str, clean: str, taken: tuple[str, ...]) -> None:
    assert (normalise(text).text, normalise(text).notes) == (clean, taken)


def test_the_size_is_bounded_in_bytes() -> None:
    assert normalise("ж" * (MAX_BYTES // 2)).text
    with pytest.raises(TextRefused, match="at most 100 KB"):
        normalise("ж" * (MAX_BYTES // 2) + "x")


def test_refs_differ_and_end_the_text() -> None:
    refs = {new_ref() for _ in range(1000)}
    assert len(refs) == 1000
    assert all(len(ref) == 9 and ref[0] == "d" for ref in refs)
    assert with_ref("a\n", "dx") == "a\nref: dx"


def test_a_command_gets_no_ref_and_is_one_line() -> None:
    assert prepare("/compact", kind="claude", agent="w1", ref="dx", raw=True)[0] == "/compact"
    assert prepare("!ls", kind="codex", agent="w1", ref="dx", raw=True)[0] == "!ls"
    assert prepare("/compact", kind="claude", agent="w1", ref="dx", raw=False)[0] == "Message: /compact\nref: dx"
    with pytest.raises(Refused, match="one line"):
        prepare("/compact\nand this", kind="claude", agent="w1", ref="dx", raw=True)
    with pytest.raises(Refused, match="shell"):
        prepare("ls", kind="shell", agent="s1", ref="dx", raw=True)


# Composer

SENT = "Fix the tests\nthen tell me 🧪 how it went\nref: dk7q2m3f9"


@pytest.mark.parametrize(
    ("composer", "expected"),
    [
        (Composer("empty"), "empty"),
        (Composer("absent"), "absent"),
        (Composer("draft", SENT), "ours"),
        (Composer("draft", "Fix the te\nsts\nthen tell me how it\nwent\nref: dk7q2m3f9"), "ours"),
        (Composer("draft", "how it went\nref: dk7q2m3f9"), "ours"),
        (Composer("draft", "[Pasted text #3 +2 lines]"), "ours"),
        (Composer("draft", f"[Pasted Content {len(SENT)} chars]"), "ours"),
        (Composer("draft", "[Pasted text #3 +3 lines]"), "foreign"),
        (Composer("draft", "[Pasted Content 7 chars]"), "foreign"),
        (Composer("draft", f"[Pasted Content {len(SENT)} chars] and mine"), "foreign"),
        (Composer("draft", f"hello {SENT}"), "foreign"),
        (Composer("draft", f"{SENT} more"), "foreign"),
        (Composer("draft", "Fix the tests"), "foreign"),
        (Composer("draft", "k7q2m3f9"), "foreign"),
        (Composer("shell", SENT), "foreign"),
    ],
)
def test_what_stands_in_a_composer(composer: Composer, expected: str) -> None:
    assert standing(composer, SENT) == expected


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=200), st.integers(5, 40))
def test_a_wrapped_text_is_still_ours_and_with_more_it_is_not(text: str, width: int) -> None:
    sent = f"{text}\nref: dk7q2m3f9"
    flat = sent.replace("\n", " ")
    wrapped = "\n".join(flat[i : i + width] for i in range(0, len(flat), width))
    assert standing(Composer("draft", wrapped), sent) == "ours"
    assert standing(Composer("draft", f"{wrapped}y"), sent) == "foreign"
    assert fold(fold(sent)) == fold(sent)


@pytest.mark.parametrize(
    ("composer", "left"),
    [
        (Composer("empty"), True),
        (Composer("absent"), True),
        (Composer("draft", "what a person types next"), True),
        (Composer("draft", "/model"), False),
        (Composer("draft", "/model and more"), False),  # a person typed on: Enter did nothing with it
        (Composer("draft", "wait: /model"), False),
        (Composer("draft", "/model-picker"), False),  # the CLI completed it
    ],
)
def test_a_command_has_left_only_where_nothing_of_it_stands_in_the_composer(composer: Composer, left: bool) -> None:
    assert has_left(composer, "/model") is left


def test_a_shell_command_has_left_only_where_nothing_of_it_stands_behind_the_mark() -> None:
    assert not has_left(Composer("shell", "ls"), "!ls")
    assert not has_left(Composer("shell", "ls -a"), "!ls")
    assert has_left(Composer("shell", "pwd"), "!ls")


# Before the paste

DIALOG = Dialog("permission", "Allow this command?", "git push", (), "f1")


def facts(
    state: State,
    *,
    pane: Literal["ok", "gone", "dead", "input off"] = "ok",
    running: bool = True,
    composer: Composer | None = None,
    dialog: Dialog | None = None,
    reset: str | None = None,
) -> Facts:
    reading = ScreenReading(state, "r", composer or Composer("empty"), dialog, reset)
    return Facts("w3", state, pane, running, reading)


@pytest.mark.parametrize(
    ("given_facts", "now", "act", "words"),
    [
        (facts(State.IDLE), False, "go", ""),
        (facts(State.ERROR), False, "go", ""),
        (facts(State.WORKING), False, "queue", "w3 is working."),
        (facts(State.WORKING), True, "go", ""),
        (facts(State.WORKING, dialog=DIALOG), True, "refuse", "waits for a permission"),
        (facts(State.WAITING, dialog=DIALOG), False, "refuse", "your text would have answered it"),
        (facts(State.WAITING), True, "refuse", "Answer first"),
        (facts(State.LIMITED, reset="14:20"), False, "refuse", "usage limit. It resets 14:20."),
        (facts(State.IDLE, composer=Composer("draft", "a thought")), False, "refuse", "“a thought”"),
        (facts(State.WORKING, composer=Composer("draft", "a thought")), True, "refuse", "glued"),
        (facts(State.IDLE, composer=Composer("shell", "ls")), False, "refuse", "“ls”"),
        (facts(State.COMPOSING), False, "refuse", "Somebody is writing"),
        (facts(State.IDLE, composer=Composer("absent")), False, "queue", "not on its screen"),
        (facts(State.WORKING, composer=Composer("absent")), True, "queue", "not on its screen"),
        (facts(State.IDLE, pane="dead"), False, "refuse", "not running"),
        (facts(State.IDLE, pane="gone"), False, "refuse", "not running"),
        (facts(State.IDLE, pane="input off"), False, "refuse", "takes no input"),
        (facts(State.IDLE, running=False), False, "refuse", "not running"),
        (facts(State.DEAD), False, "refuse", "not running"),
        (facts(State.STOPPED, pane="gone"), False, "refuse", "is stopped"),
        (facts(State.FROZEN), True, "refuse", "is frozen"),
        (facts(State.STARTING, running=False), False, "queue", "is starting"),
        (facts(State.STARTING), True, "queue", "is starting"),
        (facts(State.UNKNOWN), True, "queue", "cannot be told"),
    ],
)
def test_what_is_decided_before_a_paste(given_facts: Facts, now: bool, act: str, words: str) -> None:
    decision = decide(given_facts, now=now)
    assert decision.act == act
    assert words in decision.reason


@given(
    st.sampled_from(State),
    st.sampled_from(["ok", "gone", "dead", "input off"]),
    st.booleans(),
    st.sampled_from(["empty", "draft", "shell", "absent"]),
    st.sampled_from([None, DIALOG]),
    st.booleans(),
)
def test_nothing_is_ever_typed_but_into_an_empty_composer_without_a_question(
    state: State,
    pane: Literal["ok", "gone", "dead", "input off"],
    running: bool,
    composer: Literal["empty", "draft", "shell", "absent"],
    dialog: Dialog | None,
    now: bool,
) -> None:
    seen = facts(state, pane=pane, running=running, composer=Composer(composer, "x"), dialog=dialog)
    if decide(seen, now=now).act == "go":
        assert (pane, running, composer, dialog) == ("ok", True, "empty", None)
        assert state in {State.IDLE, State.ERROR} or (now and state is State.WORKING)


# After a restart


@pytest.mark.parametrize(
    ("status", "stands", "dialog", "running", "verdict"),
    [
        ("intended", "empty", False, True, "again"),
        ("intended", "ours", False, True, "enter"),
        ("intended", "ours", True, True, "unconfirmed"),
        ("intended", "foreign", False, True, "unconfirmed"),
        ("intended", "absent", False, True, "unconfirmed"),
        ("intended", "absent", False, False, "again"),
        ("typed", "ours", False, True, "enter"),
        ("typed", "empty", False, True, "wait"),
        ("typed", "empty", True, True, "unconfirmed"),
        ("typed", "foreign", False, True, "unconfirmed"),
        ("typed", "absent", False, False, "unconfirmed"),
    ],
)
def test_after_a_restart(
    status: Literal["intended", "typed"],
    stands: Literal["ours", "foreign", "empty", "absent"],
    dialog: bool,
    running: bool,
    verdict: str,
) -> None:
    assert after_restart(status, stands=stands, dialog=dialog, running=running, entered=False) == verdict
    # Whatever stands there: its Enter came, and no key of ours follows.
    assert after_restart(status, stands=stands, dialog=dialog, running=running, entered=True) == "wait"


# Turn, announcing, ids, environment, types


@pytest.mark.parametrize(
    ("kinds", "phase"),
    [
        (["user", "turn_start", "model"], "working"),
        (["user", "model", "turn_end"], "idle"),
        (["user", "aborted"], "idle"),
        (["user", "limit", "turn_end"], "limited"),
        (["user", "limit", "turn_end", "user"], "working"),
        (["user", "turn_end", "usage", "meta"], "idle"),
    ],
)
def test_the_turn_of_a_conversation(kinds: list[EntryKind], phase: str) -> None:
    assert follow(Turn(), [Entry(kind, NOW) for kind in kinds]).phase == phase


@pytest.mark.parametrize(
    ("kinds", "aborted"),
    [
        (["user", "tool", "aborted"], True),
        (["user", "tool", "turn_end"], False),
        (["user", "tool", "turn_end", "aborted"], False),  # it had ended
        (["user", "aborted", "usage"], True),
        (["user", "aborted", "user", "turn_end"], False),
    ],
)
def test_whether_somebody_stopped_the_last_turn(kinds: list[EntryKind], aborted: bool) -> None:
    assert follow(Turn(), [Entry(kind, NOW) for kind in kinds]).aborted is aborted


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (None, ""),
        ({"result": True}, "done"),
        ({"result": True, "error": True}, "failed"),
        ({"result": True, "error": True, "refused": True}, "refused"),
    ],
)
def test_how_a_call_of_the_turn_ended(data: dict[str, bool] | None, end: CallEnd) -> None:
    entries = [Entry("user", NOW), Entry("tool", NOW, "ls", "c1"), Entry("tool", NOW, "pwd", "c2")]
    entries += [Entry("tool", NOW, "", "c1", data)] if data else []
    assert follow(Turn(), entries).calls == (Call("c1", "ls", end), Call("c2", "pwd"))
    assert follow(Turn(), [*entries, Entry("user", NOW)]).calls == ()


def test_a_state_is_told_once_when_it_has_held() -> None:
    held: Held | None = None
    told = []
    seen = [(0.0, State.WORKING), (1.0, State.IDLE), (2.0, State.WORKING), (3.0, State.IDLE), (4.0, State.IDLE)]
    for at, state in [*seen, (4.6, State.IDLE), (9.0, State.IDLE)]:
        held, tell = announce.step(held, state, at)
        if tell:
            told.append((at, state))
    assert told == [(4.6, State.IDLE)]
    assert hold(State.IDLE) == 1.5
