"""The files of the real CLIs: found, and read for what they say."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

import pytest
import zstandard

from bot.clis.claude.cli import Claude
from bot.clis.entry import Conversation, Entry
from tests.private_tmux import Pane, until
from tests.real.conftest import COMPOSER, RealHome
from tests.real.installed import real_path

pytestmark = pytest.mark.every_version


def conversation(home: RealHome, pane: Pane) -> Conversation | None:
    return home.cli.conversation(home=home.home, workdir=home.workdir, pid=pane.pid, known=None)


def send(pane: Pane, text: str) -> None:
    pane.paste(text)
    pane.keys("Enter")


def wait_for(home: RealHome, pane: Pane, kind: str, count: int = 1) -> list[Entry]:
    """All entries, once `count` of this kind stand in the conversation."""

    def entries() -> list[Entry] | None:
        found = conversation(home, pane)
        all_entries = home.cli.entries(found.path, 0)[0] if found else []
        return all_entries if sum(entry.kind == kind for entry in all_entries) >= count else None

    return until(entries, lambda: f"{count} {kind} in the conversation; the screen:\n{pane.screen}")


def test_a_turn_is_read_from_the_file_in_its_order(real_home: RealHome) -> None:
    pane = real_home.open()
    assert conversation(real_home, pane) is None
    text = "one\ntwo\twith tab\nthree\nfour\n\nref: d0000007"
    since = datetime.now(UTC)
    send(pane, text)
    entries = wait_for(real_home, pane, "turn_end")
    kinds = [entry.kind for entry in entries if entry.kind in {"user", "model", "turn_end"}]
    assert kinds == ["user", "model", "turn_end"]
    user = next(entry for entry in entries if entry.kind == "user")
    assert real_home.cli.same_text(text, user.text)
    assert user.at is not None and user.at >= since
    found = real_home.cli.find(home=real_home.home, workdir=real_home.workdir, ref="d0000007", text=text, since=since)
    assert found is not None and found.entry == user
    late = real_home.cli.find(
        home=real_home.home, workdir=real_home.workdir, ref="", text=text, since=datetime.now(UTC)
    )
    assert late is None


def test_two_agents_in_one_home_and_folder_keep_their_own_conversations(real_home: RealHome) -> None:
    first, second = real_home.open(), real_home.open()
    send(first, "I am the first")
    wait_for(real_home, first, "turn_end")
    assert conversation(real_home, second) is None  # it has not spoken yet, whatever else lies in the home
    send(second, "I am the second")
    wait_for(real_home, second, "turn_end", 1)
    of_first, of_second = conversation(real_home, first), conversation(real_home, second)
    assert of_first and of_second and of_first != of_second
    assert [e.text.strip() for e in real_home.cli.entries(of_first.path, 0)[0] if e.kind == "user"] == [
        "I am the first"
    ]
    assert [e.text.strip() for e in real_home.cli.entries(of_second.path, 0)[0] if e.kind == "user"] == [
        "I am the second"
    ]


def test_a_conversation_is_resumed_with_its_file(real_home: RealHome) -> None:
    pane = real_home.open()
    send(pane, "remember the number 4711")
    wait_for(real_home, pane, "turn_end")
    before = conversation(real_home, pane)
    assert before is not None
    real_home.tmux.run("kill-pane", "-t", pane.id)
    known = real_home.cli.conversation(home=real_home.home, workdir=real_home.workdir, pid=None, known=before.id)
    assert known == before
    again = real_home.open(resume=before.id)
    again.sees("4711")
    send(again, "and now?")
    wait_for(real_home, again, "user", 2)
    assert conversation(real_home, again) == before


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("archived", [False, True])
def test_codex_resumes_what_it_put_away(codex_home: RealHome, archived: bool, packed: bool) -> None:
    codex_home.tmux.open(["sleep", "600"], cwd=codex_home.workdir)  # or the server would end with its last pane
    pane = codex_home.open()
    send(pane, "remember the number 4711")
    wait_for(codex_home, pane, "turn_end")
    before = conversation(codex_home, pane)
    assert before is not None
    codex_home.tmux.run("kill-pane", "-t", pane.id)
    if archived:
        env = codex_home.env | {"PATH": real_path()}
        subprocess.run(["codex", "archive", before.id], env=env, cwd=codex_home.workdir, check=True, timeout=60)
    if packed:
        file = next(codex_home.home.rglob(f"rollout-*{before.id}.jsonl"))
        file.with_name(f"{file.name}.zst").write_bytes(zstandard.compress(file.read_bytes()))
        file.unlink()
    assert codex_home.cli.kept(codex_home.home, codex_home.workdir, before) == before
    assert before.path.is_file() is (not archived and not packed)
    again = codex_home.open(resume=before.id, sees="Unarchive and resume" if archived else COMPOSER)
    if archived:
        again.keys("Enter")
    again.sees("4711")
    again.sees(COMPOSER)
    send(again, "and now?")
    wait_for(codex_home, again, "user", 2)
    assert conversation(codex_home, again) == before


def test_a_tool_call_a_denial_and_an_interrupt_are_told(real_home: RealHome) -> None:
    pane = real_home.open()
    send(pane, "run SHELL please")
    entries = wait_for(real_home, pane, "tool")
    assert "touch ../approval-test" in next(entry.text for entry in entries if entry.kind == "tool")
    pane.sees("1. Yes")
    pane.keys("Escape")
    assert [entry.kind for entry in wait_for(real_home, pane, "aborted")].count("aborted") == 1
    assert not list(real_home.workdir.parent.glob("approval-test*"))


def test_a_usage_limit_is_told(real_home: RealHome) -> None:
    pane = real_home.open()
    send(pane, "LIMIT please")
    entries = wait_for(real_home, pane, "limit")
    limit = next(entry for entry in entries if entry.kind == "limit")
    assert "hit your" in limit.text
    if real_home.cli.kind == "claude":
        assert limit.data["window"] == "five_hour" and limit.data["resets_at"] > datetime.now(UTC).timestamp()


def test_quota_of_codex_stands_in_its_usage(codex_home: RealHome) -> None:
    codex_home.models.set(primary=91.0, pwin=1440)
    pane = codex_home.open()
    send(pane, "hello")
    usage = next(entry for entry in wait_for(codex_home, pane, "usage") if entry.kind == "usage")
    window = usage.data["rate_limits"]["primary"]
    assert (window["used_percent"], window["window_minutes"]) == (91.0, 1440)
    assert usage.data["info"]["last_token_usage"]["total_tokens"] == 1234


def test_claude_tells_its_own_state(claude_home: RealHome) -> None:
    pane = claude_home.open()
    claude = Claude()

    def status() -> tuple[str, str]:
        session = claude.session(home=claude_home.home, pid=pane.pid)
        return (session.status, session.waiting_for) if session else ("", "")

    until(lambda: status()[0] == "idle", "idle")
    send(pane, "please SLOW6")
    until(lambda: status()[0] == "busy", "busy")
    send(pane, "and this after it")
    entries = wait_for(claude_home, pane, "queued")
    assert [entry.text.strip() for entry in entries if entry.kind == "queued"] == ["and this after it"]
    wait_for(claude_home, pane, "turn_end")
    until(lambda: status()[0] == "idle", "idle again")
    send(pane, "run SHELL")
    until(lambda: status() == ("waiting", "permission prompt"), "waiting for a permission")


def test_compaction_is_told(real_home: RealHome) -> None:
    pane = real_home.open()
    send(pane, "something to compact")
    wait_for(real_home, pane, "turn_end")
    assert real_home.cli.typed_command("/compact")
    pane.type("/compact")
    pane.keys("Enter")
    wait_for(real_home, pane, "compacted")


def test_each_leaves_when_asked(real_home: RealHome) -> None:
    pane = real_home.open()
    keeper = real_home.tmux.open(["sleep", "60"], cwd=real_home.workdir)  # or the server would end with its last pane
    text, *keys = real_home.cli.quit()
    pane.type(text)
    pane.keys(*keys)

    def panes() -> list[str]:
        found: list[str] = keeper.server.run("list-panes", "-a", "-F", "#{pane_id}").split()
        return found

    until(lambda: pane.id not in panes(), "the pane to end")
    assert panes() == [keeper.id]
