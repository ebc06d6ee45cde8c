"""What agents ask, told apart by words: choices, risk, sameness, sharing, and what is over."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.hooks.events import hear, parse
from bot.agents.permissions.asking import DIFFERS, GRACE_S, Standing, Verdict, conclude, ends, outlived
from bot.agents.permissions.on_screen import OnScreen
from bot.agents.permissions.outcome import (
    HOLDS_S,
    NEXT_S,
    WORKS_S,
    Aftermath,
    Seen,
    asked_calls,
    commands_of,
    ended_call,
    is_by_person,
    was_stopped,
)
from bot.agents.permissions.question import (
    Choice,
    choices_of,
    deny,
    from_dialog,
    from_hook,
    grant_of,
    group_of,
    mark_of,
    plan_of,
)
from bot.agents.permissions.rows import Ask
from bot.agents.state.turn import Call, CallEnd, Turn
from bot.clis.claude.cli import Claude
from bot.clis.kinds import cli_for
from bot.clis.model import Composer, Dialog, Option, ScreenReading, State
from bot.clis.screens import read_text
from tests.unit.captured import capture

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CLAUDE = (
    "Yes",
    "Yes, and always allow access to /srv1 from this project",
    "Yes, and switch to auto mode · auto mode handles these prompts for you",
    "No",
)


def dialog(command: str = "touch /srv1/x", labels: tuple[str, ...] = CLAUDE, title: str = "Bash command") -> Dialog:
    options = tuple(Option(label, str(n + 1), n == 0) for n, label in enumerate(labels))
    return Dialog("permission", title, command, options, f"f:{command}", command)


def on(asked: Dialog, *, width: int = 100, kind: str = "claude", turn: Turn | None = None) -> OnScreen:
    """What stands on a screen."""
    question = from_dialog(asked, workspace="/w", turn=turn)
    return OnScreen(asked, question, from_dialog(asked, workspace="/w"), width, cli_for(kind).drawn)


def ask(
    name: str, *, fingerprint: str = "", cli: str = "claude", command: str = "touch /srv1/x", source: str = "hook"
) -> Ask:
    question = from_dialog(dialog(command), workspace="/w").question if source == "screen" else f"hook {command}"
    return Ask(
        id=name, agent="w1", cli=cli, profile=None, kind="permission", tool="Bash", title="", command=command,
        workdir="/w", risk="", dangerous=False, question=question, fingerprint=fingerprint,
        choices=choices_of(dialog(command)), suggestions=(), source=source, card=name, status="open", created_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("label", "kind", "grant"),
    [
        ("Yes", "permission", "once"),
        ("Yes, proceed", "permission", "once"),
        ("No, and block this host in the future", "permission", "lasting"),
        ("Yes, and don't ask again for commands that start with `touch`", "permission", "lasting"),
        ("Yes, and always allow access to /srv1 from this project", "permission", "lasting"),
        ("Yes, and switch to auto mode · auto mode handles these prompts for you", "permission", "lasting"),
        ("Yes, allow all edits during this session", "permission", "lasting"),
        ("Something nobody has seen", "permission", "lasting"),
        ("No", "permission", "no"),
        ("No, and tell Codex what to do differently", "permission", "no"),
        ("No, exit", "trust", "no"),
        ("Yes, I trust this folder", "trust", "lasting"),
        ("Trust all and continue", "hooks", "lasting"),
        ("Trust and continue", "trust", "lasting"),
        ("Back to Agent Command Center", "trust", "no"),
        ("Continue without trusting (hooks won't run)", "hooks", "no"),
        ("Stop and wait for limit to reset", "limit", "choice"),
        ("Add funds to continue with extra usage", "limit", "lasting"),
        ("Keep current model (never show again)", "limit", "lasting"),
        ("Blue", "other", "choice"),
        ("Always blue", "other", "lasting"),
    ],
)
def test_what_a_choice_costs(label: str, kind: str, grant: str) -> None:
    assert grant_of(label, kind) == grant  # type: ignore[arg-type]


@given(st.text(max_size=60))
def test_a_permission_is_never_cheap_by_accident(label: str) -> None:
    cheap = grant_of(label, "permission") == "once"
    known = {"yes", "yes, proceed", "yes, once", "yes, just this once", "allow once", "approve", "proceed", "allow"}
    assert not cheap or label.strip().lower() in known


def test_the_words_of_a_tool() -> None:
    bash = from_hook(
        {"tool_name": "Bash", "tool_input": {"command": "rm -rf /srv1\0"}}, cli="claude", workspace="/work/shop"
    )
    assert bash.risk.dangerous
    assert [c.label for c in bash.choices] == ["Yes", "No"]
    edit = from_hook(
        {
            "tool_name": "Edit",
            "tool_input": {"file_path": "/work/shop/a.py", "old_string": "x = 1", "new_string": "x = 2"},
        },
        cli="claude",
        workspace="/work/shop",
    )
    assert edit.command == "/work/shop/a.py\n- x = 1\n+ x = 2"
    assert not edit.risk.dangerous
    other = from_hook({"tool_name": "mcp__db__drop", "tool_input": {"a": 1}}, cli="claude", workspace="/w")
    assert other.risk.dangerous  # nobody knows what it does
    broken = from_hook({"tool_input": ["not", "an", "object"]}, cli="codex", workspace="/w")
    assert (broken.tool, broken.command) == ("a tool", "")


@pytest.mark.parametrize(
    ("tool", "inputs", "line"),
    [
        (
            "apply_patch",
            {"command": "*** Update File: a.py\n*** Move to: ../b.py\n"},
            "changes files · outside the workspace: yes, ../b.py",
        ),
        ("apply_patch", {"command": "*** Add File: src/a.py\n"}, "changes files · outside the workspace: no"),
        ("apply_patch", {"command": "*** Delete File: src/a.py\n"}, "deletes data · changes files"),
        ("apply_patch", {"command": "a patch of nobody knows what"}, "may do anything · changes files"),
        ("Write", {"file_path": ".git/hooks/pre-push"}, "changes git's hooks or settings · changes files"),
        ("Read", {"file_path": "/etc/motd"}, "only reads · outside the workspace: yes, /etc/motd"),
        ("Read", {"file_path": ".maf/maf.env"}, "touches credentials"),
        ("Glob", {"pattern": "/etc/**"}, "only reads · outside the workspace: yes, /etc/**"),
        ("Grep", {"pattern": "/api/", "path": "src"}, "only reads · outside the workspace: no"),
        ("WebFetch", {"url": "https://example.org"}, "reaches the network · outside the workspace: no"),
        ("mcp__db__drop", {"a": 1}, "may do anything · not all of it can be seen"),
        ("ExitPlanMode", {"plan": "# Cart"}, "may do anything · not all of it can be seen"),
    ],
)
def test_what_a_tool_does(tool: str, inputs: dict[str, object], line: str) -> None:
    asked = from_hook({"tool_name": tool, "tool_input": inputs}, cli="claude", workspace="/work/shop")
    assert asked.risk.line == line


READS = "only reads · outside the workspace: no"


@pytest.mark.parametrize(
    ("command", "calls", "line"),
    [
        ("ls -la", [Call("a", "ls -la")], READS),
        ("ls -la", [Call("a", "ls -la", folder="/w/src")], READS),
        ("ls -la", [Call("a", json.dumps({"cmd": "ls -la"}))], READS),
        ("ls -la", [Call("a", "ls"), Call("b", "ls -la")], READS),
        ("ls -la", [Call("a", json.dumps({"cmd": "ls -la", "workdir": "/etc"}))],
         "only reads · outside the workspace: yes, /etc"),
        ("ls -la", [Call("a", "ls -la", folder="/etc")], "only reads · outside the workspace: yes, /etc"),
        ("ls -la", [], "may do anything"),  # a screen does not say where it runs
        ("ls -la", [Call("a", "ls -la", "done")], "may do anything"),
        ("ls -la", [Call("a", "ls -la"), Call("b", "ls -la", folder="/etc")], "may do anything"),
        ("ls\n-la", [Call("a", "ls\n-la")], "may do anything"),
        ("ls …", [Call("a", "ls …")], "may do anything"),
        ("rm x", [Call("a", "rm x")], "may do anything · deletes data"),
    ],
)  # fmt: skip
def test_a_command_on_a_screen_is_proven_where_its_cli_wrote_it_down(
    command: str, calls: list[Call], line: str
) -> None:
    turn = Turn("working", NOW, calls=tuple(calls))
    assert from_dialog(dialog(command), workspace="/w", turn=turn).risk.line == line


@pytest.mark.parametrize(
    ("detail", "path", "line"),
    [
        ("src/app.py\n\n1 -old", "/w/src/app.py", "changes files · outside the workspace: no"),
        ("app.py\n\n1 -old", "/etc/app.py", "changes files · outside the workspace: yes, /etc/app.py"),
        (".git/config\n\n1 -old", "/w/.git/config", "changes git's hooks or settings · changes files"),
        ("src/app.py\n\n1 -old", "", "may do anything · changes files"),
        ("src/app.py\n\n1 -old", "/w/src/other.py", "may do anything · changes files"),
        ("../app.py\n\n1 -old", "", "may do anything · changes files · names what is outside: ../app.py"),
        ("src/a very long na\nme.py\n\n1 -old", "/w/src/a very long name.py", "may do anything · changes files"),
        ("src/…/app.py\n\n1 -old", "/w/src/a/app.py", "may do anything · changes files"),
        ("", "/w/app.py", "may do anything · changes files"),
    ],
)
def test_an_edit_on_a_screen_is_of_the_file_that_its_cli_wrote_down(detail: str, path: str, line: str) -> None:
    shown = replace(dialog("", title="Edit file"), detail=detail)
    turn = Turn("working", NOW, calls=(Call("a", name="Edit", path=path),))
    assert from_dialog(shown, workspace="/w", turn=turn).risk.line == line


LONG = "touch ../a1 && echo a  b   c    d     e      f       g        h         i          j           k            l"

LONG_ROWS = [
    "touch ../a1 && echo a  b   c    d     e",
    "  f       g        h         i          j",
    "          k            l",
]


@pytest.mark.parametrize(
    ("command", "shown", "same"),
    [
        ("touch x && ls", "touch x && ls", True),
        ("touch x && ls", "touch x && ls && cp secrets.env public/", False),
        ("touch x && ls && rm y", "touch x && ls", False),
        ("rm -rf / tmp", "rm -rf /tmp", False),
        ("rm -rf /tmp", "rm -rf / tmp", False),
        ("touch x\nls", "touch x ls", False),
        ("touch x &…", "touch x &&", False),
        ("touch x", "touch x &…", False),
        ("touch\tx", "touch   x", False),  # a tab, and characters that are not seen, are never told apart on a screen
        ("touch x\u200b", "touch x", False),
        # 46 columns: the rows that Claude Code 2.1.328 drew, and others that hold the same letters.
        (LONG, "\n".join(LONG_ROWS), True),
        (LONG, "\n".join([LONG_ROWS[0], LONG_ROWS[1][1:], LONG_ROWS[2]]), False),
        (LONG, "\n".join(LONG_ROWS[:2]), False),
    ],
)  # fmt: skip
def test_a_dialog_is_that_of_a_hook_only_with_all_of_its_words_and_no_more(
    command: str, shown: str, same: bool
) -> None:
    told = from_hook({"tool_name": "Bash", "tool_input": {"command": command}}, cli="claude", workspace="/")
    assert on(dialog(shown), width=46).asks_what(told) is same
    edit = from_hook({"tool_name": "Edit", "tool_input": {"file_path": "/w/src/cart.py"}}, cli="claude", workspace="/w")
    assert not on(replace(dialog("", title="Edit file"), detail="cart.py\n12 - a")).asks_what(edit)


@pytest.mark.parametrize("kind", ["claude", "codex", "demo"])
@given(
    st.text("ab /", min_size=1, max_size=120),
    st.text("ab /", min_size=1, max_size=120),
    st.integers(20, 60),
)
def test_two_commands_that_look_alike_are_neither(kind: str, one: str, other: str, width: int) -> None:
    rows = cli_for(kind).drawn(one, width)
    assert rows is not None
    shown = on(dialog("\n".join(rows).rstrip()), width=width, kind=kind)
    known = [ask("a", command=one), ask("b", command=other)]
    alike = one.strip() and cli_for(kind).drawn(other, width) == rows
    found = shown.the_one(known)
    if one == other or not alike:
        assert found is None or found.command == one
    else:
        assert found is None


def test_a_dialog_that_is_cut_has_no_yes() -> None:
    cut = from_dialog(replace(dialog(), cut=True), workspace="/w")
    assert [choice.grant for choice in cut.choices] == ["no"]
    assert cut.note
    told = from_hook({"tool_name": "Bash", "tool_input": {"command": "touch /srv1/x"}}, cli="claude", workspace="/w")
    assert not on(replace(dialog(), cut=True)).asks_what(told)


def test_who_shares_a_card() -> None:
    def group(command: str, agent: str, folder: str = "/work/shop") -> str:
        turn = Turn("working", NOW, calls=(Call("a", command),))
        question = from_dialog(dialog(command), workspace="/work/shop", turn=turn)
        return group_of(question, agent=agent, profile=None, workdir=folder)

    assert group("git log -1", "w1") == group("git log -1", "w2")
    assert group("git log -1", "w1") != group("git log -2", "w2")
    assert group("git log -1", "w1") != group("git log -1", "w2", "/work/shop-2")
    assert group("git log -1", "w1") != group("git log  -1", "w2")
    assert group("git log -1", "w1") != group("git log\n-1", "w2")
    for command in ("rm -rf build", "npm test", "cat ../x", "cat .env", "ls $X"):
        assert group(command, "w1") != group(command, "w2")
    trust = replace(dialog(), kind="trust", title="Do you trust the files in this folder?")
    startup = from_dialog(trust, workspace="/w")
    same = group_of(startup, agent="w1", profile="a", workdir="/w")
    assert same == group_of(startup, agent="w2", profile="a", workdir="/w")
    assert same != group_of(startup, agent="w2", profile="b", workdir="/w")


def test_a_button_is_bound_to_all_that_its_card_asks() -> None:
    one = ("a", "q1", ["Yes", "No"])
    assert mark_of([one, ("b", "q1", ["Yes"])]) == mark_of([("b", "q1", ["Yes"]), one])
    assert len(
        {mark_of([one]), mark_of([("a", "q2", ["Yes", "No"])]), mark_of([("a", "q1", ["Yes"])]), mark_of([])}
    ) == 4 and mark_of([("a", "q1", ["Yes|No"])]) != mark_of([one])


SEEN = dialog()
OTHER = dialog("make")
MARK = "f:touch /srv1/x"


@pytest.mark.parametrize(
    ("standing", "shown", "verdict"),
    [
        ([], None, Verdict()),
        ([], SEEN, Verdict(new=True)),
        ([Standing(ask("a", fingerprint=MARK), False, 9)], SEEN, Verdict()),
        ([Standing(ask("a", fingerprint=MARK), False, 9)], OTHER, Verdict(over=("a",), new=True)),
        ([Standing(ask("a", fingerprint=MARK), False, 9)], None, Verdict(over=("a",))),
        # A hook that Codex holds shows nothing; one of Claude whose dialog was seen and is gone was answered there.
        ([Standing(ask("a", cli="codex"), True, 60)], None, Verdict()),
        ([Standing(ask("a", fingerprint=MARK), True, 9)], None, Verdict(over=("a",))),
        ([Standing(ask("a"), True, 9)], SEEN, Verdict(joins="a")),
        # Let go a moment ago: its dialog comes. After a while without one it was answered.
        ([Standing(ask("a", cli="codex"), False, GRACE_S - 1)], None, Verdict()),
        ([Standing(ask("a", cli="codex"), False, GRACE_S + 1)], None, Verdict(over=("a",))),
        # A dialog in other words, beside a hook that waits: it may be that one, or not.
        ([Standing(ask("a", command="make"), True, 60)], SEEN, Verdict(notes=(("a", DIFFERS),))),
        ([Standing(replace(ask("a", command="make"), note=DIFFERS), True, 60)], SEEN, Verdict()),
        ([Standing(replace(ask("a", command="make"), note=DIFFERS), True, 60)], None, Verdict(notes=(("a", ""),))),
        ([Standing(replace(ask("a", command="{}"), tool="mcp__db"), True, 1)], SEEN, Verdict(notes=(("a", DIFFERS),))),
        ([Standing(ask("a", command="make"), True, 60)], replace(SEEN, kind="limit"), Verdict(new=True)),
        ([Standing(ask("a", command="make", cli="codex"), True, 60)], SEEN, Verdict(new=True)),
        ([Standing(ask("a", command="make"), False, 1)], SEEN, Verdict(new=True)),
    ],
)
def test_what_a_look_means_for_what_is_open(standing: list[Standing], shown: Dialog | None, verdict: Verdict) -> None:
    assert conclude(standing, on(shown) if shown else None, running=True) == verdict


def test_what_is_new_in_a_dialog_that_is_known() -> None:
    known = ask("a", fingerprint=SEEN.fingerprint, source="screen")
    spaced = replace(dialog("touch  /srv1/x"), fingerprint=SEEN.fingerprint)
    for shown, width, verdict in (
        (SEEN, 100, Verdict()),
        (replace(SEEN, options=SEEN.options[:1]), 100, Verdict(joins="a")),  # somebody at the pane set a mark
        (spaced, 100, Verdict(over=("a",), new=True)),  # other words, though the same letters
        (spaced, 90, Verdict(joins="a")),  # the same on a terminal of another width, or so it looks: drawn anew
    ):
        assert conclude([Standing(known, False, 9, width=100)], on(shown, width=width), running=True) == verdict


def test_a_question_stays_one_when_its_cli_has_written_its_call_down() -> None:
    """Its risk is another one then, and so is what a button is bound to; the same when the call is doubtful again."""
    known = ask("a", fingerprint=SEEN.fingerprint, source="screen")
    call = Call("1", known.command, folder="/srv1")
    told = on(SEEN, turn=Turn("working", NOW, calls=(call,)))
    assert conclude([Standing(known, False, 9, width=100)], told, running=True) == Verdict(joins="a")
    known = replace(known, question=told.question.question)
    assert conclude([Standing(known, False, 9, width=100)], told, running=True) == Verdict()
    doubtful = on(SEEN, turn=Turn("working", NOW, calls=(call, replace(call, id="2"))))
    assert conclude([Standing(known, False, 9, width=100)], doubtful, running=True) == Verdict(joins="a")


def test_a_dialog_goes_to_the_question_with_just_its_words() -> None:
    longer = Standing(ask("a", command="make test && make install"), True, 0.2)
    same = Standing(ask("b", command="make test"), True, 0.1)
    assert conclude([longer, same], on(dialog("make test")), running=True) == Verdict(joins="b")


def test_a_turn_ends_only_what_was_asked_in_it() -> None:
    """The main agent of Claude Code ends its turn while its subagents wait for a yes."""
    mine, sub = Standing(ask("a"), True, 9, owner="s1/"), Standing(ask("b"), True, 9, owner="s1/agent-7")
    told = {"agent": "w1", "at": NOW.timestamp() + 1}
    stop = parse(told | {"payload": {"hook_event_name": "Stop", "session_id": "s1"}}, NOW + timedelta(seconds=2))
    used = parse(
        told | {"payload": {"hook_event_name": "PostToolUse", "session_id": "s1", "agent_id": "agent-7"}},
        NOW + timedelta(seconds=2),
    )
    assert stop is not None and used is not None
    assert ends([mine, sub], stop, "") == ("a",)
    assert ends([mine, sub], used, mine.ask.question) == ("b",)


def test_an_ended_cli_ends_its_questions() -> None:
    held, free = Standing(ask("a"), True, 1), Standing(ask("b", fingerprint="f"), False, 1)
    assert conclude([held, free], None, running=False) == Verdict(over=("b",))


@pytest.mark.parametrize(("started", "is_over"), [(None, False), (-60, False), (60, True)])
def test_a_question_ends_with_the_program_that_asked_it(started: float | None, is_over: bool) -> None:
    asked = ask("a", fingerprint="f")
    at = asked.created_at + timedelta(seconds=started) if started is not None else None
    assert outlived(asked, at) == is_over


@pytest.mark.parametrize(
    ("payload", "vote"),
    [
        ({"hook_event_name": "UserPromptSubmit"}, State.WORKING),
        ({"hook_event_name": "Stop"}, State.IDLE),
        ({"hook_event_name": "Interrupt"}, State.IDLE),
        ({"hook_event_name": "PermissionRequest", "tool_name": "Bash"}, State.WAITING),
        ({"hook_event_name": "Notification", "notification_type": "permission_prompt"}, State.WAITING),
        ({"hook_event_name": "StopFailure", "error": "rate_limit"}, State.LIMITED),
        ({"hook_event_name": "StopFailure", "error": "overloaded"}, State.ERROR),
        ({"hook_event_name": "PostCompact", "trigger": "manual"}, State.IDLE),
        ({"hook_event_name": "SessionStart", "source": "startup"}, None),
        ({"hook_event_name": "Something new"}, None),
    ],
)
def test_what_an_event_says(payload: dict[str, str], vote: State | None) -> None:
    event = parse({"agent": "w1", "at": NOW.timestamp() - 1, "payload": payload}, NOW)
    assert event is not None
    assert hear(event).vote is vote


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=True) | st.text(max_size=20) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["agent", "pane", "ppid", "at", "payload", "raw"]), JSON))
def test_garbage_from_a_hook_is_harmless(event: dict[str, object]) -> None:
    found = parse(event, NOW)
    if found is not None:
        assert found.at <= NOW
        hear(found)


@given(JSON)
def test_garbage_as_a_permission_is_harmless(inputs: object) -> None:
    question = from_hook({"tool_name": inputs, "tool_input": inputs}, cli="codex", workspace="/w")
    assert question.choices


ASKED = "❯ go\n● Bash(touch x)\n Do you want to proceed?\n ❯ 1. Yes\n   2. No"
STOPPED = "  ⎿  Interrupted · What should Claude do instead?"
RULED = "────\n❯\u00a0\n────\n  ⏸ manual mode on"


@pytest.mark.parametrize(
    ("before", "after", "stopped"),
    [
        (ASKED, f"❯ go\n● Bash(touch x)\n{STOPPED}\n{RULED}", True),
        (ASKED, f"❯ go\n● Bash(touch x)\n  ⎿  Done\n{RULED}", False),
        # One of an earlier turn stays where it is, or comes back into sight when the dialog goes.
        (f"{STOPPED}\n{ASKED}", f"{STOPPED}\n❯ go\n● Bash(touch x)\n  ⎿  Done\n{RULED}", False),
        (ASKED, f"{STOPPED}\n" + "● words\n" * 20 + RULED, False),
        (f"{STOPPED}\n{ASKED}", f"{STOPPED}\n❯ go\n● Bash(touch x)\n{STOPPED}\n{RULED}", True),
    ],
)
def test_an_esc_in_the_moment_of_a_yes_is_seen(before: str, after: str, stopped: bool) -> None:
    assert was_stopped(Claude().interrupted, before, after) is stopped


def reading(state: State | None, *, asks: bool = False) -> ScreenReading:
    return ScreenReading(state, "rule", Composer("empty"), SEEN if asks else None)


TOUCH = Call("t1", "touch /srv1/x")
BEFORE = Seen(ASKED, reading(State.WAITING, asks=True), Turn("working", NOW, calls=(Call("t0", "ls", "done"), TOUCH)))
AFTER, LATER = f"❯ go\n● Bash(touch x)\n{RULED}", NOW + timedelta(seconds=1)
IDLE, WORKS = reading(State.IDLE), reading(State.WORKING)
GOES_ON = BEFORE.turn


def after(before: Seen = BEFORE, *, hook: bool = False, fingerprint: str = MARK) -> Aftermath:
    return Aftermath(ask("a", fingerprint=fingerprint), Claude().interrupted, before, hook=hook)


def ended(end: CallEnd) -> Turn:
    return replace(GOES_ON, calls=(replace(TOUCH, end=end),))


@pytest.mark.parametrize(
    ("now", "went"),
    [
        (Seen(AFTER, IDLE, GOES_ON), ""),  # a slow machine has not drawn it yet, nor written it down
        (Seen(AFTER, WORKS, GOES_ON), ""),  # nor is the sign of work gone that it draws for a moment after an Esc
        (Seen(AFTER, WORKS, ended("done")), "taken"),
        (Seen(AFTER, WORKS, ended("failed")), "taken"),  # it ran, and said no by itself
        (Seen(AFTER, WORKS, ended("refused")), "stopped"),
        (Seen(AFTER, WORKS, replace(GOES_ON, calls=(Call("t2", "touch /srv1/x", "done"),))), ""),  # another call
        (Seen(AFTER, IDLE, Turn("idle", LATER)), "taken"),  # and it is done already
        (Seen(AFTER, WORKS, Turn("idle", LATER, aborted=True)), "stopped"),
        (Seen(AFTER + STOPPED, IDLE, GOES_ON), "stopped"),
        (Seen(ASKED, reading(State.WAITING, asks=True), ended("refused")), "stopped"),
        (Seen(), ""),  # nothing is there any more
    ],
)
def test_a_yes_is_taken_or_stopped_only_where_that_can_be_told(now: Seen, went: str) -> None:
    assert after().follow(now, 0.0) == went


def test_the_next_question_tells_that_the_one_before_was_taken() -> None:
    other = ScreenReading(State.WAITING, "rule", Composer("absent"), OTHER)
    assert after().follow(Seen(ASKED, other, GOES_ON), NEXT_S - 0.1) == ""
    assert after().follow(Seen(ASKED, other, GOES_ON), NEXT_S) == "taken"
    assert after(fingerprint="").follow(Seen(ASKED, other, GOES_ON), NEXT_S) == ""  # it was never on the screen


def test_what_a_person_did_at_the_pane_is_not_the_answer_of_a_hook() -> None:
    ran = replace(GOES_ON, calls=(replace(TOUCH, end="done", by="user_temporary"),))
    assert after().follow(Seen(AFTER, IDLE, ran), 0.0) == "taken"
    assert after(hook=True).follow(Seen(AFTER, IDLE, ran), 0.0) == "stopped"
    assert after(hook=True).follow(Seen(AFTER, IDLE, ended("done")), 0.0) == "taken"


def test_of_two_calls_in_the_same_words_the_one_that_no_person_decided_is_ours() -> None:
    again = replace(TOUCH, id="t2")
    before = replace(BEFORE, turn=replace(GOES_ON, calls=(TOUCH, again)))

    def went(one: Call, other: Call) -> str:
        return after(before, hook=True).follow(Seen(AFTER, IDLE, replace(GOES_ON, calls=(one, other))), 0.0)

    by_person = replace(TOUCH, end="done", by="user_temporary")
    assert went(by_person, again) == ""
    assert went(by_person, replace(again, end="done", by="hook")) == "taken"
    assert went(by_person, replace(again, end="refused")) == "stopped"


@pytest.mark.parametrize(
    ("call", "others", "person"),
    [
        (Call("a", "ls", "done"), (), True),
        (Call("a", "ls", "done", by="user_temporary"), (), True),
        (Call("a", "ls", "done", by="config"), (), False),
        (Call("a", "ls", "refused"), (Call("b", "pwd", "done"),), True),
        (Call("a", "ls", "refused"), (Call("b", "pwd", "refused"),), False),
    ],
)
def test_who_decided_at_the_pane(call: Call, others: tuple[Call, ...], person: bool) -> None:
    assert is_by_person(call, Seen(turn=Turn(calls=(call, *others)))) is person


@pytest.mark.parametrize(
    ("looks", "went"),
    [
        ([("(1s)", WORKS, 0.0), ("(2s)", WORKS, WORKS_S)], "taken"),
        ([("(1s)", WORKS, 0.0), ("(1s)", WORKS, WORKS_S)], ""),  # it draws nothing: has it read its keys?
        ([("(1s)", WORKS, 0.0), ("", IDLE, 0.5), ("(2s)", WORKS, WORKS_S)], ""),
        ([("(1s)", WORKS, 0.0), ("(2s)", WORKS, WORKS_S - 0.1)], ""),
    ],
)
def test_a_sign_of_work_counts_once_it_has_held(looks: list[tuple[str, ScreenReading, float]], went: str) -> None:
    aftermath = after()
    *first, last = [aftermath.follow(Seen(AFTER + text, shows, GOES_ON), at) for text, shows, at in looks]
    assert (first, last) == ([""] * len(first), went)


@pytest.mark.parametrize(("waited", "went"), [(0.0, ""), (HOLDS_S, "taken")])
def test_work_without_a_sign_on_the_screen_counts_once_it_has_held(waited: float, went: str) -> None:
    """Codex shows none while it streams text; and right after an Esc the files of both still say that it works."""
    now = Seen(AFTER, IDLE, GOES_ON, State.WORKING)
    assert after().follow(now, waited) == went
    stopped = replace(now, text=f"❯ go\n● Bash(touch x)\n{STOPPED}\n{RULED}")
    assert after().follow(stopped, waited) == "stopped"


def test_a_turn_that_ended_before_tells_nothing_of_this_question() -> None:
    over = Turn("idle", NOW, aborted=True)
    assert after(Seen(ASKED, None, over)).follow(Seen(AFTER, IDLE, over), 0.0) == ""


@pytest.mark.parametrize(
    ("command", "calls", "found"),
    [
        ("ls", [Call("a", "ls"), Call("b", "pwd")], "a"),
        ("ls", [Call("a", '{"cmd": "ls", "justification": "x"}'), Call("b", '{"cmd": "pwd"}')], "a"),
        ("ls", [Call("a", '{"cmd": "pwd", "justification": "ls"}'), Call("b", '{"cmd": "ls -la"}')], ""),
        ("ls", [Call("a", 'tools.exec_command({"cmd": "ls"})'), Call("b", "l s")], "a"),
        ("ls", [Call("a", '{"command": ["bash", "-lc", "ls"]}'), Call("b", '{"command": "ls')], "a"),
        ("ls", [Call("a", "ls", "done"), Call("b", "ls")], "b"),
        ("ls", [Call("a", "ls"), Call("b", "ls")], "ab"),
        ("ls", [Call("a", "")], ""),
        ("", [Call("a", '{"cmd": ""}'), Call("b", '{"cmd": "ls"}')], ""),
        ("ls", [], ""),
    ],
)
def test_the_calls_that_wait_for_an_answer(command: str, calls: list[Call], found: str) -> None:
    waiting = asked_calls(ask("a", command=command), Seen(turn=Turn(calls=tuple(calls))))
    assert "".join(call.id for call in waiting) == found


def test_the_call_of_an_edit_is_the_only_one_that_waits() -> None:
    edit = replace(ask("a", command="hello.py\n- x"), tool="Edit")
    one, other = Call("a", ""), Call("b", "")
    assert asked_calls(edit, Seen(turn=Turn(calls=(one,)))) == [one]
    assert asked_calls(edit, Seen(turn=Turn(calls=(one, other)))) == []


def test_a_call_has_ended_once_each_in_its_words_has() -> None:
    done, waits = Call("a", "ls", "done"), Call("b", "ls")
    assert ended_call(ask("x", command="ls"), Seen(turn=Turn(calls=(done,)))) == done
    assert ended_call(ask("x", command="ls"), Seen(turn=Turn(calls=(done, waits)))) is None
    assert ended_call(ask("x", command="pwd"), Seen(turn=Turn(calls=(done,)))) is None
    drawn = cli_for("demo").drawn
    wrapped = ask("x", command="aaaaa\naaaa", source="screen")
    long = Call("a", "a" * 9, "done")
    assert ended_call(wrapped, Seen(turn=Turn(calls=(long,)), drawn=lambda told: drawn(told, 8))) == long


@given(st.text(max_size=60))
def test_garbage_in_a_call_is_harmless(text: str) -> None:
    commands_of(Call("a", text))
    commands_of(Call("a", f'{{"cmd": {text}'))


PATCH = """*** Begin Patch
*** Add File: notes/new.txt
+hello
*** Update File: ./hello.py
@@
-x = 1
+x = 2
*** End Patch"""


def captured(name: str) -> Dialog:
    found = read_text(name.partition("-")[0], capture(name).ansi).dialog
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (Call("a", json.dumps({"cmd": f"apply_patch <<'EOF'\n{PATCH}\nEOF"})), True),
        (Call("a", PATCH), True),
        (Call("a", json.dumps({"command": ["apply_patch", PATCH]})), True),
        (Call("a", PATCH, "done"), False),
        (Call("a", PATCH.replace("hello.py", "other.py")), False),
        (Call("a", PATCH.replace("*** Add File: notes/new.txt\n+hello\n", "")), False),
        (Call("a", "{"), False),
    ],
)
def test_edits_are_shown_with_their_change_where_the_dialog_names_only_files(call: Call, found: bool) -> None:
    edits = captured("codex-edits")
    question = from_dialog(edits, workspace="/home/dev/proj", turn=Turn("working", NOW, calls=(call,)))
    assert question.command == (PATCH if found else edits.detail)
    assert question.risk.line == "changes files · outside the workspace: no"
    assert from_dialog(edits, workspace="/home/dev/other").risk.outside


@pytest.mark.parametrize(("patch", "same"), [(PATCH, True), (PATCH.replace("hello.py", "other.py"), False)])
def test_edits_of_a_hook_and_their_dialog_are_one_question(patch: str, same: bool) -> None:
    told = from_hook({"tool_name": "apply_patch", "tool_input": {"command": PATCH}}, cli="codex", workspace="/w")
    edits = captured("codex-edits")
    assert on(edits, turn=Turn("working", NOW, calls=(Call("a", patch),))).asks_what(told) is same
    two = (Call("a", PATCH), Call("b", PATCH.replace("x = 2", "x = 3")))  # which of them stands there is not written
    assert not on(edits, turn=Turn("working", NOW, calls=two)).asks_what(told)


def test_a_plan_is_shown_with_the_question_about_it() -> None:
    turn = Turn("idle", NOW, says="1. Read cart.py")
    question = from_dialog(captured("codex-implement"), workspace="/w", turn=turn)
    assert question.command.startswith("1. Read cart.py\nYes, implement this plan: Switch to Default")
    assert [choice.grant for choice in question.choices] == ["choice", "choice", "no"]
    other = from_dialog(captured("codex-question"), workspace="/w", turn=turn)
    assert other.command.splitlines()[:2] == ["Redis (Recommended): Shared by all.", "SQLite: One file."]


def test_a_plan_of_claude_is_approved_once_for_good_or_not_at_all() -> None:
    plan = captured("claude-plan-long")
    choices = [(choice.grant, choice.tells, choice.key) for choice in choices_of(plan)]
    assert choices == [("lasting", False, "1"), ("once", False, "2"), ("no", True, "Escape")]
    turn = Turn("working", NOW, calls=(Call("a", "# Cart", name="ExitPlanMode"),))
    question = from_dialog(plan, workspace="/w", turn=turn)
    assert (question.command, question.choices, question.note) == ("# Cart", choices_of(plan), "")
    assert plan_of((*turn.calls, Call("b", "# Other", name="ExitPlanMode"))) == ""
    assert [choice.grant for choice in from_dialog(plan, workspace="/w").choices] == ["no"]


def test_a_no_is_said_in_the_words_of_the_hooks() -> None:
    assert deny("not now", stop=True) == {
        "hookSpecificOutput": {
            "hookEventName": "PermissionRequest",
            "decision": {"behavior": "deny", "message": "not now", "interrupt": True},
        }
    }


@pytest.mark.parametrize(
    ("label", "goes_on"),
    [
        ("No", False),
        ("No, and tell Codex what to do differently", False),
        ("No, continue without permissions", True),
        ("No, but continue without it", True),
        ("Cancel this request", True),
        ("Cancel", True),
    ],
)
def test_after_some_noes_the_call_has_a_result_that_is_no_sign_of_a_yes(label: str, goes_on: bool) -> None:
    assert Choice(label, grant_of(label, "permission")).goes_on == goes_on
