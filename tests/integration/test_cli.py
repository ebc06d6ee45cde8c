"""`maf` as people and scripts meet it: real processes, real tmux, a real bot in the sandbox."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.store import engine
from tests.integration.shop import MAF, Shop
from tests.patience import PATIENCE_S
from tests.private_tmux import ended, until

TOKEN = "123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.end()


def all_started(shop: Shop, draft: str) -> Any:
    """The draft, once every item of it has started."""
    found = shop.read("broadcast", "status", draft)
    return found if {i["status"] for i in found["items"]} == {"started"} else None


def test_the_sandbox_does_the_main_job_and_leaves_cleanly(shop: Shop) -> None:
    with shop.up() as there:
        assert set(there) == {"page", "api", "token", "key", "chat", "owner"}
        with urllib.request.urlopen(there["page"].split("#")[0], timeout=PATIENCE_S) as page:
            assert b"<html" in page.read().lower()
        agents = shop.read("agent", "list")
        assert [(a["id"], a["state"], a["kind"]) for a in agents] == [(f"d{n}", "idle", "demo") for n in (1, 2, 3)]

        draft = shop.read("broadcast", "draft")
        assert {i["status"] for i in draft["items"]} == {"drafted"}
        done = shop.read("broadcast", "apply", draft["draft"])
        assert {i["status"] for i in done["items"]} <= {"submitted", "started"}
        found = until(lambda: all_started(shop, draft["draft"]), "the first sign of work of each agent")
        assert all(i["delivery"]["evidence"]["kind"] and i["delivery"]["evidence"]["at"] for i in found["items"])

        assert "A bot already runs" in shop.maf("up", code=1).stderr
        assert "A bot already runs" in shop.maf("db", "upgrade", code=1).stderr
        checks = {c["name"]: c for c in shop.read("doctor")["checks"]}
        assert (checks["bot"]["status"], checks["home"]["status"], checks["database"]["status"]) == ("ok", "ok", "ok")
    assert [a["state"] for a in shop.read("agent", "list")] == ["stopped"] * 3
    assert shop.read("health")["agents"] == {"stopped": 3}
    assert not (shop.home / "run" / "maf.sock").exists()


def test_the_sandbox_comes_back_where_it_was_and_makes_way_for_a_token(shop: Shop) -> None:
    with shop.up() as first:
        shop.maf("agent", "send", "d1", "--text", "Remember this.")
    with shop.up() as second:
        assert (second["token"], second["key"]) == (first["token"], first["key"])
        assert len(shop.read("agent", "list")) == 3
    (shop.home / "logs" / "agents" / "d1.log").write_text("d1 went from idle to working\n")
    free = socket.socket()
    free.bind(("127.0.0.1", 0))  # bound and not listening: whoever asks there is turned away
    nowhere = f"http://127.0.0.1:{free.getsockname()[1]}"
    with subprocess.Popen(
        [*MAF, "up"], cwd=shop.folder, env={**shop.env, "MAF_BOT_TOKEN": TOKEN, "MAF_TELEGRAM_API": nowhere},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert "What the sandbox made is in" in process.stderr.readline()
        process.terminate()
        process.wait(timeout=PATIENCE_S)
    free.close()
    (aside,) = shop.home.glob("sandbox-*")
    assert {"maf.db", "sandbox", "demo", "logs"} <= {path.name for path in aside.iterdir()}
    assert "No log named d1" in shop.maf("logs", "tail", "d1", code=1).stderr
    assert shop.read("agent", "list") == []


def test_a_sandbox_with_no_room_for_its_agents_says_so_at_once_and_goes_on(shop: Shop) -> None:
    env = {**shop.env, "MAF_MIN_FREE_MEMORY": "99999999"}
    with subprocess.Popen(
        [*MAF, "up", "--port", "0"], cwd=shop.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert any("The chat page:" in line for line in process.stdout), process.stderr.read()
            assert shop.read("agent", "list") == []
        finally:
            process.terminate()
            said = process.stderr.read()
            process.wait(timeout=PATIENCE_S)
    assert said.count("99999999 MB must stay free") == 1
    assert "The sandbox goes on without d1, d2, d3" in said


def test_a_home_with_agents_of_its_own_gets_no_sandbox(shop: Shop) -> None:
    shop.maf("init")
    shop.maf("agent", "create", "demo", "--no-start")
    said = shop.maf("up", code=2).stderr
    assert "MAF_BOT_TOKEN" in said
    assert not (shop.home / "sandbox").exists()


def test_a_port_that_is_taken_is_said(shop: Shop) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        said = shop.maf("up", "--port", port, code=4).stderr
    assert said.splitlines()[-2].startswith(f"error: Port {port} cannot be opened")
    assert "--port 0" in said
    assert not (shop.home / "sandbox").exists()  # or the home would count as one that the sandbox made


@pytest.mark.parametrize("token", ["abc", "123:"])
def test_a_token_that_is_none_is_said_and_not_shown(shop: Shop, token: str) -> None:
    ran = shop.maf("up", code=2, MAF_BOT_TOKEN=token)
    assert "MAF_BOT_TOKEN" in ran.stderr
    assert token not in ran.stdout + ran.stderr


def test_reading_needs_no_home_and_makes_none(shop: Shop) -> None:
    assert shop.read("agent", "list") == []
    assert {"claude-worker", "codex-worker", "demo"} <= {t["name"] for t in shop.read("agent", "types")}
    assert "general" in {p["id"] for p in shop.read("pack", "list")}
    assert shop.read("agent", "show", "w1", code=1)["error"]["code"] == "not_found"
    assert shop.read("broadcast", "status", code=1)["error"]["message"]
    report = shop.read("doctor")
    assert report["ok"] is True
    assert all(set(check) == {"name", "status", "detail", "fix"} for check in report["checks"])
    assert not shop.home.exists()


def test_acting_needs_a_home(shop: Shop) -> None:
    assert "maf init" in shop.maf("agent", "create", "demo", code=1).stderr
    assert shop.read("pair", code=1)["error"]["code"] == "no_home"
    assert not shop.home.exists()


def test_nobody_is_not_everybody(shop: Shop) -> None:
    shop.maf("init")
    assert "hint: Write --only w1,w2" in shop.maf("broadcast", "draft", "--only", " , ", code=2).stderr
    assert shop.read("broadcast", "status", code=1)["error"]["code"] == "not_found"


def test_a_pack_of_ones_own(shop: Shop) -> None:
    assert shop.read("pack", "new", "mine", code=1)["error"]["code"] == "no_home"
    shop.maf("init")
    made = shop.read("pack", "new", "mine")
    assert made == {"id": "mine", "file": str(shop.home / "packs" / "mine.json")}
    assert shop.read("pack", "validate", made["file"])["id"] == "mine"
    assert "already" in shop.maf("pack", "new", "mine", code=1).stderr
    assert "letters" in shop.maf("pack", "new", "../mine", code=2).stderr
    shop.maf("pack", "use", "mine")
    assert [p["id"] for p in shop.read("pack", "list") if p["active"]] == ["mine"]
    Path(made["file"]).unlink()
    gone = shop.read("broadcast", "draft", code=1)["error"]
    assert gone["message"] == "The active pack mine is gone."
    assert "general" in gone["hint"] and "maf pack use" in gone["hint"]


def test_a_prompt_without_a_bot(shop: Shop) -> None:
    shop.maf("init")
    shop.maf("agent", "create", "demo", "--id", "d1")
    text = "first; `second` $HOME\n" * 20 + "Привет 🙂"
    (shop.folder / "prompt.txt").write_text(text)
    deadline = time.monotonic() + PATIENCE_S
    while shop.read("agent", "show", "d1")["state"] != "idle" and time.monotonic() < deadline:
        time.sleep(0.2)
    sent = shop.read("agent", "send", "d1", "--text-file", "prompt.txt")
    assert sent["status"] in {"submitted", "started"}
    assert set(sent["evidence"]) == {"kind", "at"}
    assert sent["evidence"]["kind"] == "transcript"
    assert "first; `second` $HOME" in shop.maf("agent", "capture", "d1", "--lines", "200").stdout
    # Without a bot nothing is queued: what cannot be typed now is refused.
    shop.maf("agent", "send", "d1", "--text", "WAIT60")
    assert shop.read("agent", "send", "d1", "--text", "x", "--wait", "0", code=1)["status"] == "refused"
    with subprocess.Popen(
        [*MAF, "agent", "run", "d1", "echo begun; sleep 300 & echo $! > sleep.pid; yes"], cwd=shop.folder,
        env=shop.env, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.stdout.close()
        assert process.wait(timeout=PATIENCE_S) == 141
    pid = int((shop.folder / "sleep.pid").read_text())
    until(lambda: ended(pid), "the end of what the command had started")
    assert "no terminal" in shop.maf("agent", "attach", "d1", code=1).stderr
    shop.maf("agent", "stop", "d1")
    refused = shop.read("agent", "send", "d1", "--text", "x", code=1)
    assert (refused["status"], refused["delivery"][0]) == ("refused", "d")


def test_the_store_is_copied_and_put_back(shop: Shop) -> None:
    shop.maf("init")
    shop.maf("db", "upgrade")
    shop.maf("agent", "create", "demo", "--id", "d1", "--no-start")
    shop.maf("db", "backup", "copy.db")
    assert shop.maf("db", "backup", "copy.db", code=1).stderr.startswith("error: ")
    assert "hint: Choose another place." in shop.maf("db", "backup", "nowhere/copy.db", code=1).stderr
    shop.maf("agent", "delete", "d1")
    shop.maf("db", "restore", "copy.db")
    assert [a["id"] for a in shop.read("agent", "list")] == ["d1"]
    assert shop.read("db", "check") == {"ok": True, "problems": []}
    assert shop.read("db", "current")["current"] == shop.read("db", "current")["newest"]


def test_a_store_that_is_locked_is_said(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.maf("init")
    shop.maf("db", "upgrade")
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.1)
    other = sqlite3.connect(shop.home / "maf.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert main(["audit", "--home", str(shop.home)]) == 4
    other.close()
    assert capsys.readouterr().err.startswith("error: The store is locked by another process.\nhint: Wait")
    assert main(["audit", "--home", str(shop.home)]) == 0


def test_the_doctor_finds_what_is_wrong(shop: Shop) -> None:
    shop.maf("init")
    (shop.home / "maf.env").write_text("MAF_TIMEZONE=Mars/Olympus\n")
    shop.home.chmod(0o755)
    checks = {c["name"]: c for c in shop.read("doctor", code=1)["checks"]}
    assert checks["settings"]["status"] == "failure"
    assert "MAF_TIMEZONE" in checks["settings"]["detail"]
    assert checks["home"] == {
        "name": "home",
        "status": "failure",
        "detail": f"Others can read {shop.home}.",
        "fix": f"Run: chmod -R go= {shop.home}",
    }
    shop.home.chmod(0o700)
    (shop.home / "maf.env").write_text(f"MAF_BOT_TOKEN={TOKEN}\nMAF_TELEGRAM_API=http://127.0.0.1:9\n")
    ran = shop.maf("doctor", "--json", code=1)
    telegram = next(c for c in json.loads(ran.stdout)["checks"] if c["name"] == "telegram")
    assert telegram["status"] == "failure"
    assert TOKEN not in ran.stdout + ran.stderr


def test_the_full_doctor_proves_a_delivery_and_leaves_nothing(shop: Shop) -> None:
    report = shop.read("doctor", "--full")
    assert report["checks"][-1]["name"] == "delivery"
    assert report["checks"][-1]["status"] == "ok"
    assert not shop.home.exists()


def test_the_demo_shows_the_main_job_and_leaves_nothing(shop: Shop) -> None:
    scratch = shop.folder / "tmp"
    scratch.mkdir()
    done = json.loads(shop.maf("demo", "--json", TMPDIR=str(scratch)).stdout)
    assert {i["status"] for i in done["items"]} <= {"submitted", "started"}
    assert len(done["items"]) == 3
    assert not shop.home.exists()
    assert list(scratch.iterdir()) == []
