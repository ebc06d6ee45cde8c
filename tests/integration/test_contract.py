"""The shapes that `maf … --json` promises to scripts: every key is there, and its value is of the promised kind.

More keys are free to be added; one that is missing or renamed breaks somebody's script.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.beads.sample import write_sample
from bot.cli import local, main
from bot.errors import NotFound
from bot.home import Home
from tests.patience import PATIENCE_S

NONE = type(None)
TEXT, MAYBE_TEXT, NUMBER, MAYBE_NUMBER = (str,), (str, NONE), (int, float), (int, float, NONE)
YES, LIST, OBJECT, MAYBE_OBJECT = (bool,), (list,), (dict,), (dict, NONE)
Shape = Mapping[str, tuple[type, ...]]

AGENT: Shape = {
    "id": TEXT, "type": TEXT, "kind": TEXT, "role": TEXT, "description": TEXT, "profile": MAYBE_TEXT, "session": TEXT,
    "pane": MAYBE_TEXT, "workdir": TEXT, "labels": LIST, "state": TEXT, "state_since": TEXT, "bead": MAYBE_TEXT,
    "created_at": TEXT, "stats": OBJECT, "restarts": NUMBER, "errors": NUMBER, "host": TEXT,
}  # fmt: skip
DRAFT: Shape = {
    "draft": TEXT, "version": NUMBER, "pack": TEXT, "status": TEXT, "created_by": TEXT, "created_at": TEXT,
    "expires_at": TEXT, "items": LIST,
}  # fmt: skip
ITEM: Shape = {
    "agent": TEXT, "action": TEXT, "bead": MAYBE_TEXT, "prompt": TEXT, "reason": TEXT, "status": TEXT,
    "delivery": MAYBE_OBJECT,
}  # fmt: skip
DELIVERY: Shape = {
    "delivery": TEXT, "agent": TEXT, "status": TEXT, "evidence": MAYBE_OBJECT, "reason": TEXT
}  # fmt: skip
CLAIM: Shape = {
    "agent": TEXT, "bead": MAYBE_TEXT, "profile": MAYBE_TEXT, "reason": TEXT, "rejected": LIST, "dry_run": YES
}  # fmt: skip
QUOTA: Shape = {
    "profile": TEXT, "kind": TEXT, "active": YES, "priority": NUMBER, "login": TEXT, "limits": OBJECT, "sources": LIST,
    "windows": OBJECT, "level": TEXT, "emoji": TEXT, "forecast": MAYBE_OBJECT, "next": (str, bool, NONE),
    "profileName": TEXT, "status": OBJECT, "rollingWindows": LIST,
}  # fmt: skip
CHECK: Shape = {"name": TEXT, "status": TEXT, "detail": TEXT, "fix": TEXT}
HEALTH: Shape = {"agents": OBJECT, "deliveries": NUMBER, "messages_due": NUMBER, "messages_failed": NUMBER}
ENTRY: Shape = {
    "at": TEXT, "actor": TEXT, "place": TEXT, "action": TEXT, "target": TEXT, "detail": OBJECT, "outcome": TEXT
}  # fmt: skip

Maf = Callable[..., Any]


@pytest.fixture
def maf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Maf]:
    """`maf(*words, code=0)` in a project with beads; -> what it printed as JSON."""
    monkeypatch.setenv("MAF_TMUX_SOCKET", str(tmp_path / "t"))
    write_sample(tmp_path)

    def run(*words: str, code: int = 0) -> Any:
        assert main([*words, "--json", "--home", str(tmp_path / ".maf")]) == code, capsys.readouterr()
        said = capsys.readouterr()
        assert said.err == ""
        return json.loads(said.out)

    yield run
    subprocess.run(
        ["tmux", "-S", str(tmp_path / "t"), "kill-server"], capture_output=True, timeout=PATIENCE_S, check=False
    )


def fits(value: Any, shape: Shape) -> None:
    assert isinstance(value, dict), value
    assert shape.keys() <= value.keys(), f"missing: {shape.keys() - value.keys()}"
    wrong = {name: value[name] for name, types in shape.items() if not isinstance(value[name], types)}
    assert not wrong, wrong


def test_agents_drafts_and_deliveries(maf: Maf, tmp_path: Path) -> None:
    assert set(maf("init")) == {"home", "written"}
    for one in maf("agent", "types"):
        fits(one, {"name": TEXT, "kind": TEXT, "role": TEXT, "description": TEXT})
    fits(maf("agent", "create", "demo", "--id", "w1", "--no-start"), AGENT)
    assert "cannot be a label" in maf("agent", "create", "demo", "--label", "a\nb", code=2)["error"]["message"]
    (listed,) = maf("agent", "list")
    fits(listed, AGENT)
    shown = maf("agent", "show", "w1")
    fits(shown, AGENT)
    assert listed["stats"].keys() == shown["stats"].keys() >= {"prompts", "tasks", "errors"}
    fits(maf("agent", "health")[0], {"id": TEXT, "state": TEXT, "cpu_percent": MAYBE_NUMBER, "rss_mb": MAYBE_NUMBER})
    explained = maf("agent", "explain", "w1")
    fits(explained, {"state": TEXT, "rule": TEXT, "signals": LIST})

    fits(maf("agent", "send", "w1", "--text", "hello", code=1), DELIVERY)
    draft = maf("broadcast", "draft")
    assert draft["created_by"].endswith(" at the terminal")  # the chat reads it too; the audit has "cli:NAME"
    assert {entry["actor"].partition(":")[0] for entry in maf("audit")} == {"cli"}
    for found in (draft, maf("broadcast", "show", draft["draft"]), maf("broadcast", "status")):
        fits(found, DRAFT)
        assert found["items"]
        for item in found["items"]:
            fits(item, ITEM)
    for op in ("broadcast.apply", "broadcast.cancel", "pack.show"):
        with pytest.raises(NotFound):  # an empty name means no draft, and never the newest
            local.act(Home(tmp_path / ".maf"), op, {"id" if op == "pack.show" else "draft": ""})
    assert maf("broadcast", "cancel", draft["draft"])["status"] == "cancelled"

    claim = maf("task", "claim", "--agent", "w1", "--dry-run")
    fits(claim, CLAIM)
    assert claim["bead"] and claim["dry_run"]
    assert maf("agent", "delete", "w1")["deleted"] is True


def test_the_rest(maf: Maf, tmp_path: Path) -> None:
    report = maf("doctor")
    fits(report, {"ok": YES, "checks": LIST})
    for check in report["checks"]:
        fits(check, CHECK)
        assert check["status"] in {"ok", "warning", "failure"}
    maf("init")
    fits(maf("health"), HEALTH)
    fits(maf("health", "--full"), {**HEALTH, "checks": LIST, "details": LIST})
    fits(maf("db", "current"), {"current": MAYBE_TEXT, "newest": TEXT})
    fits(maf("db", "check"), {"ok": YES, "problems": LIST})
    fits(maf("db", "upgrade"), {"before": MAYBE_TEXT, "after": TEXT, "copy": MAYBE_TEXT})
    copy = str(tmp_path / "copy.db")
    assert maf("db", "backup", copy) == {"file": copy}
    fits(maf("db", "restore", copy), {"restored": TEXT, "copy": MAYBE_TEXT})
    fits(maf("pair", "--role", "viewer", "--ttl", "1d"), {"code": TEXT, "role": TEXT, "expires_at": TEXT})
    for entry in maf("audit"):
        fits(entry, ENTRY)
    fits(maf("cleanup", "--dry-run"), {"dry_run": YES, "removed": LIST})
    fits(maf("logs", "rotate", "10", "5"), {"rotated": LIST})
    assert maf("logs", "rotate", "--max-mb", "10", "--keep", "5") == {"rotated": []}
    for pack in maf("pack", "list"):
        fits(pack, {"id": TEXT, "title": TEXT, "path": TEXT, "own": YES, "active": YES})
    fits(maf("pack", "show", "general"), {"id": TEXT, "title": TEXT, "bead_prefixes": LIST, "roles": OBJECT})
    for bead in maf("bead", "ready"):
        fits(bead, {"id": TEXT, "title": TEXT, "priority": NUMBER, "labels": LIST, "agent": MAYBE_TEXT})
    fits(maf("bead", "show", "shop-41"), {"id": TEXT, "title": TEXT, "description": TEXT})
    (tmp_path / "codex-home").mkdir()
    maf("quota", "profile", "add", "work", "--kind", "codex", "--path", str(tmp_path / "codex-home"))
    (profile,) = maf("quota", "status")
    fits(profile, QUOTA)
    for service in maf("service", "status"):
        fits(service, {"name": TEXT, "state": TEXT, "home": MAYBE_TEXT})


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (["agent", "show", "nope"], 1, "not_found"),
        (["broadcast", "show", "nope"], 1, "not_found"),
        (["broadcast", "apply", "nope"], 1, "not_found"),
        (["pack", "show", "nope"], 1, "not_found"),
        (["pack", "use", "nope"], 1, "not_found"),
        (["bead", "show", "nope"], 1, "not_found"),
        (["bead", "release", "nope"], 1, "not_found"),
        (["logs", "tail", "nope"], 1, "not_found"),
        (["agent", "create", "nope"], 1, "not_found"),
        (["agent", "send", "nope", "--text", "x"], 1, "not_found"),
        (["task", "claim", "--agent", "nope"], 1, "not_found"),
        (["db", "backup", "/no/such/folder/x"], 1, "refused"),
        (["agent", "send", "w1"], 2, "usage"),
        (["broadcast"], 2, "usage"),
    ],
)
def test_what_is_refused_is_an_object_too(maf: Maf, words: list[str], code: int, kind: str) -> None:
    maf("init")
    maf("db", "upgrade")
    answer = maf(*words, code=code)
    assert set(answer) == {"error"}
    assert set(answer["error"]) == {"code", "message", "hint"}
    assert answer["error"]["code"] == kind, answer
    assert answer["error"]["message"]
