"""Reading files that other programs write while we read."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clis.claude.cli import Claude, folder_name
from bot.clis.claude.sessions import read_session
from bot.clis.kinds import cli_for
from bot.clis.program import find_program, open_files, start_ticks
from bot.clis.tail import moment, read_lines, read_records, tail_offset
from bot.errors import DependencyMissing

THREAD = "01a2024a-425e-7ab2-a4c2-83567f8f8fc3"


def user_line(text: str, at: str = "2026-11-22T08:00:00.000Z") -> str:
    item = {"type": "UserMessage", "id": "i1", "content": [{"type": "text", "text": text}]}
    return (
        json.dumps({"timestamp": at, "type": "event_msg", "payload": {"type": "item_completed", "item": item}}) + "\n"
    )


def rollout(home: Path, cwd: Path, *lines: str, thread: str = THREAD) -> Path:
    path = home / "sessions/2026/11/22" / f"rollout-2026-11-22T08-00-00-{thread}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = {"type": "session_meta", "payload": {"id": thread, "cwd": str(cwd)}}
    path.write_text(json.dumps(meta) + "\n" + "".join(lines))
    return path


@settings(deadline=None)
@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=30), max_size=8), st.integers(1, 40))
def test_any_way_of_cutting_a_file_gives_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], step: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "f.jsonl"
    data = "".join(json.dumps({"t": text}) + "\n" for text in texts).encode()
    found: list[str] = []
    offset = 0
    for size in [*range(0, len(data), step), len(data)]:
        path.write_bytes(data[:size])
        records, offset = read_records(path, offset)
        found += [record["t"] for record in records]
    assert found == texts
    assert offset == len(data)


def test_garbage_costs_only_its_own_line(tmp_path: Path) -> None:
    garbage = ["", "{", "[1,2]", "null", "\x00\x00", '{"type":"event_msg","payload":7}', '{"type":[],"payload":{}}']
    garbage += [
        '{"type":"event_msg","payload":{"type":"item_completed","item":{"type":"UserMessage","content":5}}}',
        "[" * 9999,
    ]
    path = rollout(tmp_path, tmp_path, *(f"{line}\n" for line in garbage), user_line("still here"))
    path.write_bytes(path.read_bytes() + b"\xff\xfe\n" + user_line("and here").encode() + b'{"cut')
    entries, _ = cli_for("codex").entries(path, 0)
    assert [entry.text for entry in entries if entry.kind == "user" and entry.text] == ["still here", "and here"]


def test_a_line_longer_than_a_block_is_given_up_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes(b'{"a":"' + b"x" * 500 + b'"}\n{"b":1}\n')
    offset, found = 0, []
    for _ in range(20):
        records, offset = read_records(path, offset, limit=100)
        found += records
    assert found == [{"b": 1}]
    assert offset == path.stat().st_size


def test_a_file_that_is_replaced_by_a_shorter_one_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text('{"a":1}\n{"a":2}\n')
    _, offset = read_records(path, 0)
    path.write_text('{"a":3}\n')
    assert read_records(path, offset) == ([{"a": 3}], 8)


def test_a_file_that_is_gone_has_nothing_to_say(tmp_path: Path) -> None:
    assert read_lines(tmp_path / "gone", 7) == ([], 7)
    assert tail_offset(tmp_path / "gone", 100) == 0
    assert cli_for("claude").entries(tmp_path / "gone", 0) == ([], 0)


def test_the_end_of_a_two_gigabyte_file_is_found_without_reading_it(tmp_path: Path) -> None:
    path = rollout(tmp_path, tmp_path)
    with path.open("r+b") as file:
        file.seek(2 * 1024**3)
        file.write(b"\n" + user_line("the last\nref: dlast001").encode())
    started = os.times().user
    found = cli_for("codex").find(
        home=tmp_path, workdir=tmp_path, ref="dlast001", text="", since=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert found is not None and found.entry.text.startswith("the last")
    assert os.times().user - started < 5


def test_an_older_equal_prompt_is_no_proof(tmp_path: Path) -> None:
    rollout(tmp_path, tmp_path, user_line("run the tests"))
    since = datetime(2026, 11, 22, 8, tzinfo=UTC)
    find = cli_for("codex").find
    assert find(home=tmp_path, workdir=tmp_path, ref="", text="run the tests", since=since) is not None
    late = since + timedelta(seconds=1)
    assert find(home=tmp_path, workdir=tmp_path, ref="", text="run the tests", since=late) is None
    assert find(home=tmp_path, workdir=tmp_path, ref="d0000000", text="run the tests", since=since) is None


def test_the_newest_rollout_of_this_workdir_is_the_conversation(tmp_path: Path) -> None:
    other = "01a2024a-425e-7ab2-a4c2-83567f8f0000"
    mine = rollout(tmp_path, tmp_path / "mine")
    os.utime(mine, (1, 1))
    rollout(tmp_path, tmp_path / "other", thread=other)
    codex = cli_for("codex")
    found = codex.conversation(home=tmp_path, workdir=tmp_path / "mine", pid=None, known=None)
    assert found is not None and found.id == THREAD
    after = datetime(2026, 1, 1, tzinfo=UTC)
    assert codex.conversation(home=tmp_path, workdir=tmp_path / "mine", pid=None, known=None, since=after) is None
    known = codex.conversation(home=tmp_path, workdir=tmp_path / "gone", pid=None, known=other)
    assert known is not None and known.id == other
    for wrong in ("*", "../../x", "", other.replace("0", "1")):
        assert codex.conversation(home=tmp_path, workdir=tmp_path / "gone", pid=None, known=wrong) is None


def test_the_file_that_a_process_holds_open_is_its_conversation(tmp_path: Path) -> None:
    path = rollout(tmp_path, tmp_path / "elsewhere")
    codex = cli_for("codex")
    asked = {"home": tmp_path, "workdir": tmp_path / "elsewhere", "known": None}
    assert codex.conversation(pid=os.getpid(), **asked) is None  # type: ignore[arg-type]
    with path.open("a"):
        found = codex.conversation(pid=os.getpid(), **asked)  # type: ignore[arg-type]
    assert found is not None and found.path == path


def session_file(home: Path, **values: object) -> None:
    (home / "sessions").mkdir(exist_ok=True)
    pid = os.getpid()
    record = {"pid": pid, "procStart": start_ticks(pid), "sessionId": THREAD, "status": "waiting", "cwd": "/srv"}
    record |= {"waitingFor": "permission prompt", "tmux": "s:@1.%7", "statusUpdatedAt": 1795328440703}
    (home / "sessions" / f"{pid}.json").write_text(json.dumps(record | values))


def test_claude_word_on_its_state_counts_while_that_process_lives(tmp_path: Path) -> None:
    session_file(tmp_path)
    session = read_session(tmp_path, os.getpid())
    assert session is not None
    assert (session.status, session.waiting_for, session.pane) == ("waiting", "permission prompt", "%7")
    assert session.updated_at == datetime(2026, 11, 22, 6, 20, 40, 703000, tzinfo=UTC)
    session_file(tmp_path, procStart="1")
    assert read_session(tmp_path, os.getpid()) is None
    session_file(tmp_path, status="dancing", statusUpdatedAt="x", updatedAt=None)
    odd = read_session(tmp_path, os.getpid())
    assert odd is not None and (odd.status, odd.updated_at) == ("", None)
    (tmp_path / "sessions" / f"{os.getpid()}.json").write_text("[1")
    assert read_session(tmp_path, os.getpid()) is None


def test_a_new_claude_session_is_not_given_the_transcript_of_another(tmp_path: Path) -> None:
    folder = tmp_path / "projects" / folder_name(Path("/srv/my.app_x"))
    assert folder.name == "-srv-my-app-x"
    folder.mkdir(parents=True)
    other = folder / "891ff6b6-bae7-473a-bd41-3f582a796ea4.jsonl"
    other.write_text("{}\n")
    session_file(tmp_path)
    claude = Claude()
    asked = {"home": tmp_path, "workdir": Path("/srv/my.app_x"), "known": None}
    assert claude.conversation(pid=os.getpid(), **asked) is None  # type: ignore[arg-type]
    found = claude.conversation(pid=None, **asked)  # type: ignore[arg-type]
    assert found is not None and found.path == other


@pytest.mark.parametrize(
    ("workdir", "name"),
    [  # as Claude Code 2.1.328 named them
        ("/srv/my.app_x", "-srv-my-app-x"),
        ("/tmp/pr-t8z05cpa/emoji 🧪 dir", "-tmp-pr-t8z05cpa-emoji----dir"),
        ("/tmp/pr-t8z05cpa/cafe\u0301", "-tmp-pr-t8z05cpa-cafe-"),
        ("/tmp/pr-t8z05cpa/кирилл.ица_x", "-tmp-pr-t8z05cpa------------x"),
        (f"/tmp/pr-t8z05cpa/{'a' * 100}/{'q' * 82}", f"-tmp-pr-t8z05cpa-{'a' * 100}-{'q' * 82}"),
        (f"/tmp/pr-t8z05cpa/{'a' * 100}/{'q' * 82}w", f"-tmp-pr-t8z05cpa-{'a' * 100}-{'q' * 82}-9fv092"),
        (
            f"/tmp/pr-t8z05cpa/{'a' * 100}/{'b_c' * 20}/{'z' * 54}",
            f"-tmp-pr-t8z05cpa-{'a' * 100}-{'b-c' * 20}-{'z' * 21}-la1pv2",
        ),
        (
            f"/tmp/pr-t8z05cpa/{'a' * 100}/{'b_c' * 20}/{'z' * 54}🧪x",
            f"-tmp-pr-t8z05cpa-{'a' * 100}-{'b-c' * 20}-{'z' * 21}-pyymwq",
        ),
    ],
)
def test_claude_names_a_folder_of_conversations_by_utf16_units_and_a_hash(workdir: str, name: str) -> None:
    assert folder_name(Path(workdir)) == name


def test_a_prompt_is_found_by_its_ref_where_the_folder_has_another_name(tmp_path: Path) -> None:
    """A version may name its folders otherwise; only a ref is ours alone."""
    since = datetime.now(UTC)
    path = tmp_path / "projects" / "named-otherwise" / f"{THREAD}.jsonl"
    path.parent.mkdir(parents=True)
    human = {"promptSource": "typed", "origin": {"kind": "human"}, "timestamp": since.isoformat()}
    prompt = {"type": "user", "message": {"role": "user", "content": "go on\nref: d23456789"}}
    path.write_text(json.dumps(prompt | human) + "\n")
    look = {"home": tmp_path, "workdir": Path("/srv/app"), "since": since - timedelta(seconds=1)}
    found = Claude().find(ref="d23456789", text="go on\nref: d23456789", **look)  # type: ignore[arg-type]
    assert found is not None and found.path == path
    assert Claude().find(ref="", text="go on\nref: d23456789", **look) is None  # type: ignore[arg-type]
    later = look | {"since": since + timedelta(minutes=1)}
    assert Claude().find(ref="d23456789", text="", **later) is None  # type: ignore[arg-type]


def test_the_newest_transcript_of_a_shared_folder_is_that_of_the_right_directory(tmp_path: Path) -> None:
    folder = tmp_path / "projects" / "-srv-a-b"
    folder.mkdir(parents=True)
    for number, cwd in enumerate(("/srv/a/b", "/srv/a-b")):
        path = folder / f"{number}91ff6b6-bae7-473a-bd41-3f582a796ea4.jsonl"
        path.write_text('{"type":"mode"}\n' + json.dumps({"type": "user", "cwd": cwd}) + "\n")
        os.utime(path, (1000 + number, 1000 + number))
    found = Claude().newest(tmp_path, Path("/srv/a/b"), None)
    assert found is not None and found.id.startswith("0")


def test_a_cli_that_is_not_installed_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(DependencyMissing, match="codex is not installed") as raised:
        cli_for("codex").launch(home=None, workdir=tmp_path, resume=None, path=str(tmp_path))
    assert "npm install" in raised.value.hint
    with pytest.raises(DependencyMissing):
        find_program("no-such-program", install="x")


def test_launch_words(tmp_path: Path) -> None:
    for name in ("codex", "claude"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    codex = cli_for("codex").launch(home=tmp_path, workdir=tmp_path, resume=THREAD, path=str(tmp_path))
    assert codex.argv[:2] == (str(tmp_path / "codex"), "--no-daemon") and codex.argv[-2:] == ("resume", THREAD)
    assert codex.env == {"CODEX_HOME": str(tmp_path)}
    claude = cli_for("claude").launch(home=None, workdir=tmp_path, resume=THREAD, path=str(tmp_path))
    assert claude.argv == (str(tmp_path / "claude"), "--resume", THREAD) and claude.env == {}


@pytest.mark.parametrize(
    "value", ["", "soon", 12, None, "2026-13-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_what_is_no_moment_of_our_calendar_is_none(value: object) -> None:
    """A zone takes the last two out of the years that a datetime can hold."""
    assert moment(value) is None


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells which files a process holds open")
def test_a_file_that_is_only_read_is_not_one_that_a_process_writes(tmp_path: Path) -> None:
    """Codex reads the conversations of others when it starts: an agent was taken to be in one of them."""
    theirs, own = tmp_path / "theirs", tmp_path / "own"
    theirs.write_text("{}")
    with theirs.open(), own.open("a"):
        held = [path for path in open_files(os.getpid()) if path.is_relative_to(tmp_path)]
    assert held == [own]
