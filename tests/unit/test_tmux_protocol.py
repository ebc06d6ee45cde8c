"""The wire of control mode, the stat line and the keeper's rules, without tmux."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tmux.connection import Reply
from bot.tmux.keeper import describe, takes_restart
from bot.tmux.panes import PasteResult, guarded, judge, parse_facts
from bot.tmux.processes import foreground, parse_stat, scan
from bot.tmux.protocol import Block, Parser, ProtocolError, quote
from bot.tmux.screen import plain
from bot.tmux.server import parse_version, server_environment, tmux_argv

BODIES = st.lists(
    st.sampled_from(["", "x", "%end 9 9 1", "%begin 1 2 1", "%error 1 1 0", "%exit", "é\x1b[31m"]), max_size=6
)


@given(
    st.lists(st.tuples(BODIES, st.booleans(), st.booleans()), max_size=5),
    st.lists(st.integers(1, 40), min_size=1, max_size=5),
)
def test_blocks_come_out_as_they_went_in_however_cut(
    blocks: list[tuple[list[str], bool, bool]], cuts: list[int]
) -> None:
    wire, expected = b"", []
    for number, (lines, ok, asked) in enumerate(blocks, start=100):
        numbers = f"1795 {number} {int(asked)}"
        body = "".join(f"{line}\n" for line in lines)
        wire += f"%window-add @1\n%begin {numbers}\n{body}{'%end' if ok else '%error'} {numbers}\n".encode()
        expected.append(Block(ok, asked, body[:-1].encode()))
    parser, got, at = Parser(), [], 0
    for i in range(len(wire) + 1):
        step = cuts[i % len(cuts)]
        got += parser.feed(wire[at : at + step])
        at += step
    assert got == expected
    assert parser.notifications == ["%window-add @1"] * len(blocks)


def test_an_end_without_a_beginning_is_not_believed() -> None:
    with pytest.raises(ProtocolError):
        Parser().feed(b"%end 1 2 1\n")


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")))
def test_a_quoted_text_is_one_line(text: str) -> None:
    quoted = quote(text)
    assert "\n" not in quoted
    assert "\r" not in quoted
    assert quoted[0] == quoted[-1] == '"'


def test_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        quote("a\0b")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(True, ["guard passed"]), PasteResult(True)),
        (Reply(True, ["guard refused 1 0 0"]), PasteResult(False, "dead")),
        (Reply(True, ["guard refused 0 1 0"]), PasteResult(False, "mode")),
        (Reply(True, ["guard refused 0 0 1"]), PasteResult(False, "input off")),
        (Reply(True, ["guard refused   "]), PasteResult(False, "gone")),
        (Reply(False, ["can't find pane: %9"]), PasteResult(False, "gone")),
        (Reply(False, ["guard passed"]), PasteResult(False, "guard passed")),
        (Reply(False, ["no buffer d1"]), PasteResult(False, "no buffer d1")),
        (Reply(True, []), PasteResult(False, "tmux did not say why")),
    ],
)
def test_the_guards_answer_is_read(reply: Reply, expected: PasteResult) -> None:
    assert judge(reply) == expected


@pytest.mark.parametrize("pane", ["", "cl", "s:%1", "%1;kill-server", "%1\n", "%"])
def test_only_a_bare_pane_id_is_taken(pane: str) -> None:
    with pytest.raises(ValueError, match="not a pane id"):
        guarded(pane, "send-keys")


def test_a_title_may_hold_tabs_and_a_broken_line_is_left_out() -> None:
    line = "%1\tmaf-w1\tagent\t0\t1\t0\t42\t80\t24\t2\t3\t1\t/dev/pts/1\t7\t0\t1795336677\ta\tb"
    facts = parse_facts(line)
    assert facts is not None
    assert (facts.title, facts.in_mode, facts.alternate, facts.pid) == ("a\tb", True, True, 42)
    assert facts.activity == 1795336677
    assert parse_facts("%1\tmaf") is None


@pytest.mark.parametrize(
    ("text", "number", "old", "untested"),
    [
        ("tmux 3.3a", (3, 3), False, False),
        ("tmux 3.1c", (3, 1), False, True),
        ("tmux 2.8", (2, 8), True, True),
        ("tmux next-3.7", (3, 7), False, False),
        ("tmux master", (99, 0), False, False),
        ("tmux openbsd-7.5", (3, 2), False, False),
        ("", (0, 0), True, True),
    ],
)
def test_versions(text: str, number: tuple[int, int], old: bool, untested: bool) -> None:
    version = parse_version(text)
    assert (version.number, version.too_old, version.untested) == (number, old, untested)


def test_no_secret_of_ours_reaches_the_server() -> None:
    env = server_environment({"MAF_BOT_TOKEN": "1:x", "AWS_SECRET": "s", "HOME": "/h", "LC_TIME": "de", "LANG": "C"})
    assert set(env) == {"HOME", "LC_TIME", "LANG", "LC_CTYPE", "PATH"}
    assert "UTF" in env["LC_CTYPE"].upper()


def test_the_persons_own_server_keeps_its_configuration() -> None:
    conf = Path("/h/tmux.conf")
    assert tmux_argv("maf", conf) == ["tmux", "-u", "-L", "maf", "-f", "/h/tmux.conf"]
    assert tmux_argv("default", conf) == ["tmux", "-u", "-L", "default"]
    assert tmux_argv("/tmp/s") == ["tmux", "-u", "-S", "/tmp/s"]


@pytest.mark.parametrize(
    ("ansi", "text"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b[38:2::1:2:3mx\x1b[m", "x"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x0elqk\x0f|", "┌─┐|"),
        ("plain", "plain"),
    ],
)
def test_plain(ansi: str, text: str) -> None:
    assert plain(ansi) == text


STAT = b"%d (%s) %s 1 %d 7 34816 %d 0 0 0 0 0 100 50 0 0 20 0 1 0 200 0 3 0"


@given(st.binary(min_size=0, max_size=15).filter(lambda name: b"\0" not in name))
def test_any_process_name_is_read(name: bytes) -> None:
    process = parse_stat(STAT % (7, name, b"S", 7, 7), hz=100, page=4096)
    assert process is not None
    assert (process.pid, process.state, process.rss, process.utime, process.starttime) == (7, "S", 12288, 1.0, 2.0)


@given(st.binary(max_size=80))
def test_no_garbage_breaks_the_reading(data: bytes) -> None:
    """It is a process, with the number that stands in front, or none; never an error."""
    process = parse_stat(data)
    assert process is None or process.pid == int(data.partition(b"(")[0])


def test_foreground_is_the_terminals_group_in_the_panes_session() -> None:
    rows = [(7, b"keeper", b"S", 7, 9), (9, b"node", b"S", 9, 9), (10, b"codex", b"T", 9, 9), (11, b"bg", b"S", 11, 9)]
    table = {p.pid: p for p in (parse_stat(STAT % row) for row in rows) if p is not None}
    assert [(p.comm, p.runs) for p in foreground(table, 7)] == [("node", True), ("codex", False)]
    assert foreground(table, 99) == []


def test_a_scan_finds_this_very_process() -> None:
    process = scan()[os.getpid()]
    assert (process.ppid, process.pgrp, process.session) == (os.getppid(), os.getpgrp(), os.getsid(0))
    assert process.rss > 1_000_000


@pytest.mark.parametrize(
    ("data", "before", "after", "restarts"),
    [(b"r", 1, 1, True), (b"r", 0.1, 1, False), (b"r", 1, 0.1, False), (b"r\r", 1, 1, False), (b"\r", 1, 1, False)],
)
def test_the_restart_key(data: bytes, before: float, after: float, restarts: bool) -> None:
    assert takes_restart(data, before, after) is restarts


def test_ends_in_words() -> None:
    assert (describe(0), describe(3 << 8), describe(9)) == ("exit 0", "exit 3", "killed, signal 9")
