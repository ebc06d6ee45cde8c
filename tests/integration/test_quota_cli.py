"""`maf quota …` as it is typed, in a home with the first product's own example as its configuration."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.cli import main
from bot.home import Home
from tests.unit.test_profiles_config import SEED_AGENT

ONE, TWO = "codex-plus-1", "codex-plus-2"


class Desk:
    """A home and a terminal in it."""

    def __init__(self, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self._capsys = home, capsys

    def run(self, *words: str, code: int = 0) -> str:
        """What it prints; what it says beside that is in `said`."""
        return self.maf("quota", *words, code=code)

    def maf(self, *words: str, code: int = 0) -> str:
        got = main(["--home", str(self.home.root), *words])
        out, self.said = self._capsys.readouterr()
        assert got == code, out + self.said
        return out

    def read(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # no codex of this machine is asked
    monkeypatch.setenv("MAF_TMUX_SOCKET", str(tmp_path / "t"))
    for name in ("CODEX_PROFILE", "QUOTA_STATUS_FORMAT", "MAF_AGENT"):
        monkeypatch.delenv(name, raising=False)
    home = Home(tmp_path / "shop" / ".maf")
    home.config.mkdir(parents=True)
    second = {**SEED_AGENT["profiles"][ONE], "name": "ChatGPT Plus Account 2", "priority": 2}
    profiles = {**SEED_AGENT["profiles"], TWO: second}
    home.agent_config.write_text(json.dumps({**SEED_AGENT, "profiles": profiles}))
    return Desk(home, capsys)


def test_the_two_lines_of_the_first_product_to_the_letter(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run("record", "--profile", ONE, "--requests", "650")
    assert desk.run("status", "--format", "tmux").splitlines() == [
        "[CODEX QUOTA] Profile: codex-plus-1 | Usage: 65% (650/1000) | Window: daily | Reset: – | Status: 🟡 OK",
        "[PROFILES] Active: 2/2 | Rotation: Auto | Next: codex-plus-2 | Current: codex-plus-1",
    ]
    resets = datetime.now(UTC) + timedelta(minutes=35, seconds=20)
    desk.run("record", "--profile", ONE, "--window", "1h", "--percent", "78", "--resets-at", resets.isoformat())
    assert desk.run("status", "--format", "tmux").splitlines()[0] == (
        "[CODEX QUOTA] Profile: codex-plus-1 | Usage: 78% | Window: 1h | Reset: 35m | Status: 🟠 ALERT"
    )
    monkeypatch.setenv("CODEX_PROFILE", TWO)
    assert desk.run("status", "--format", "tmux").splitlines() == [
        "[CODEX QUOTA] Profile: codex-plus-2 | Usage: 0% (0/1000) | Window: daily | Reset: – | Status: 🟢 OK",
        "[PROFILES] Active: 2/2 | Rotation: Forced | Next: none | Current: codex-plus-2",
    ]
    monkeypatch.setenv("MAF_AGENT", "w1")  # there it names the profile, and forces nothing
    assert "Rotation: Auto" in desk.run("status", "--format", "tmux")
    monkeypatch.delenv("MAF_AGENT")
    monkeypatch.setenv("CODEX_PROFILE", "nobody")
    assert "Rotation: Auto" in desk.run("status", "--format", "tmux")
    held = json.loads(desk.home.agent_config.read_text())
    desk.home.agent_config.write_text(json.dumps({**held, "codex_profiles": {"enable": False}}))
    assert "Rotation: Off | Next: none" in desk.run("status", "--format", "tmux")


def test_the_status_in_every_form(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run("record", "--profile", ONE, "--requests", "650", "--tokens", "1300", "--id", "monday")
    desk.run("record", "--profile", ONE, "--requests", "650", "--tokens", "1300", "--id", "monday")  # the same
    first = desk.read("status")[0]
    assert (first["profile"], first["level"], first["emoji"], first["next"]) == (ONE, "warning", "🟡", ONE)
    daily = {key: first["windows"]["daily"][key] for key in ("used", "limit", "percent", "resets_at", "source")}
    assert daily == {"used": 650, "limit": 1000, "percent": 65.0, "resets_at": None, "source": "local"}
    assert first["status"]["daily"] == {"used": 650, "percentage": 65.0}
    assert (first["rollingWindows"][0]["requests"], first["rollingWindows"][0]["tokens"]) == (650, 1300)
    assert json.loads(desk.run("status", "--format", "json"))[0]["windows"].keys() == first["windows"].keys()
    compact = desk.run("status", "--format", "compact")
    assert compact.splitlines()[0] == "🟡 codex-plus-1  daily 65%  weekly 13%  monthly 3%"
    assert "default_profile claude-sonnet-4 names no profile" in desk.said
    monkeypatch.setenv("QUOTA_STATUS_FORMAT", "compact")
    assert desk.run("status") == compact
    assert desk.run("alerts") == "No alert stands.\n"
    state = json.loads(desk.run("export"))
    assert list(state[0]) == ["profileName", "limits", "status", "rollingWindows", "events"]
    monkeypatch.setenv("QUOTA_STATUS_FORMAT", "round")
    desk.run("status", code=2)
    assert "QUOTA_STATUS_FORMAT" in desk.said


def test_times_are_told_in_the_persons_zone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAF_TIMEZONE", "Asia/Kolkata")
    # Half a minute away from the next one: times are kept to the second.
    resets = (datetime.now(UTC) + timedelta(hours=48)).replace(second=30)
    desk.run("record", "--profile", ONE, "--window", "7d", "--percent", "40", "--resets-at", resets.isoformat())
    shown = resets.astimezone(ZoneInfo("Asia/Kolkata")).strftime("%a %H:%M")
    assert f"is muted until {shown}." in desk.run("mute", ONE, "7d")
    assert desk.run("alerts").count(shown) == 2


def test_the_chosen_profile_and_why_not_the_others(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run("record", "--profile", ONE, "--requests", "1000")
    found = desk.read("select")
    assert (found["profile"], found["reason"]) == (TWO, "priority 2")
    assert found["rejected"] == [{"profile": ONE, "why": "daily window is used up"}]
    assert desk.read("select", "--kind", "claude")["reason"] == "there is no claude profile"
    desk.maf("agent", "create", "demo", "--id", "d1", "--no-start")
    assert desk.read("select", "--agent", "d1")["reason"] == "a demo agent runs on no profile"
    monkeypatch.setenv("CODEX_PROFILE", ONE)
    assert desk.run("select") == "codex-plus-1: forced by CODEX_PROFILE\n"
    monkeypatch.setenv("CODEX_PROFILE", "codex-plus-11")
    assert desk.run("select").splitlines()[0] == f"{TWO}: priority 2"
    assert "note: CODEX_PROFILE codex-plus-11 names no profile; it forces nothing" in desk.said


def test_what_is_recorded_by_hand_lies_in_the_past_and_resets_in_the_future(desk: Desk) -> None:
    assert desk.run("record", "--profile", ONE) == f"{ONE}: 1 request.\n"
    desk.run("record", "--profile", ONE, "--at", "2999-01-01T00:00:00Z", code=2)
    assert "--at 2999-01-01T00:00:00Z has not come yet." in desk.said
    desk.run("record", "--profile", ONE, "--window", "5h", "--percent", "5", "--resets-at", "1999-01-01", code=2)
    assert "--resets-at 1999-01-01 is over already." in desk.said


def test_an_account_that_was_written_by_hand_is_shown_how_to_get_its_home(desk: Desk) -> None:
    desk.run("status")
    assert f"note: {ONE} has no home: maf quota profile add {ONE}" in desk.said
    home = desk.home.profile(ONE)
    assert f"CODEX_HOME={home} codex login" in desk.run("profile", "add", ONE)
    assert home.is_dir()
    entry = next(p for p in desk.read("profile", "list") if p["profile"] == ONE)
    assert (entry["priority"], entry["limits"]["daily"]) == (1, 1000)
    desk.run("status")
    assert f"{ONE} has no home" not in desk.said
    desk.run("profile", "add", ONE, code=1)
    assert f"There is a profile named {ONE} already" in desk.said


def test_enforcement_switched_off_gives_up_the_reserve_and_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run("record", "--profile", ONE, "--requests", "960")
    assert desk.read("select")["rejected"] == [{"profile": ONE, "why": "is nearly used up"}]
    monkeypatch.setenv("MAF_QUOTA_ENFORCEMENT", "false")
    assert desk.read("select")["profile"] == ONE
    desk.run("record", "--profile", ONE, "--requests", "40")
    assert desk.read("select")["rejected"] == [{"profile": ONE, "why": "daily window is used up"}]


def test_a_profile_that_agents_run_on_is_not_removed(desk: Desk) -> None:
    desk.maf("agent", "create", "codex-worker", "--id", "w1", "--profile", ONE, "--no-start")
    with closing(sqlite3.connect(desk.home.database, isolation_level=None)) as db:
        db.execute("UPDATE agents SET desired = 'running'")  # as if it had been started, without a program of its own
    desk.run("profile", "remove", ONE, code=1)
    assert "codex-plus-1 is in use by w1." in desk.said
    assert "maf agent stop w1" in desk.said
    assert [p["agents"] for p in desk.read("profile", "list")] == [["w1"], []]


def test_profiles_are_made_changed_and_taken_out(desk: Desk, tmp_path: Path) -> None:
    home = desk.home.profile("codex-plus-3")
    assert desk.run("profile", "add", "codex-plus-3").splitlines() == [
        f"codex-plus-3 is made; its home is {home}.",
        "Log in there:",
        f"  CODEX_HOME={home} codex login",
        f"  CODEX_HOME={home} codex login --device-auth   (no browser on this machine)",
    ]
    assert home.stat().st_mode & 0o777 == 0o700
    assert desk.home.agent_config.with_suffix(".json.bak").is_file()
    login = tmp_path / "dot codex"
    login.mkdir()
    (login / "auth.json").write_text("theirs")
    assert "It is used as it is." in desk.run("profile", "add", "mine", "--path", str(login))
    desk.run("profile", "edit", "mine", "--priority", "7", "--daily", "5", "--inactive")
    mine = next(p for p in desk.read("profile", "list") if p["profile"] == "mine")
    assert (mine["priority"], mine["limits"]["daily"], mine["active"], mine["home"]) == (7, 5, False, str(login))
    desk.run("profile", "edit", "mine", "--alert-percent", "600", code=1)
    assert "profiles.mine.alert_percent" in desk.said
    desk.run("profile", "edit", "mine", "--path", str(tmp_path / "nowhere"), code=1)
    assert "nowhere is no folder" in desk.said
    desk.run("profile", "edit", "mine", "--priority", "0", code=2)
    desk.run("profile", "remove", "mine")
    assert (login / "auth.json").read_text() == "theirs"
    assert [p["profile"] for p in desk.read("profile", "list")] == [ONE, TWO, "codex-plus-3"]
    desk.run("profile", "remove", "mine", code=1)
    assert "No profile named mine" in desk.said


def test_a_configuration_that_never_fitted_is_an_error_with_file_path_and_reason(desk: Desk) -> None:
    desk.home.agent_config.write_text('{"profiles": {"a": {"priorty": 1}}}')
    for words in (["status"], ["profile", "list"], ["profile", "add", "b"]):
        desk.run(*words, code=1)
        assert "default-agent-config.json: profiles.a.priorty: no such key" in desk.said
        assert str(desk.home.agent_config) in desk.said


def test_a_chart_that_cannot_be_written_is_an_error_that_names_the_place(desk: Desk, tmp_path: Path) -> None:
    desk.run("chart", "--out", str(tmp_path / "nowhere" / "chart.png"), code=2)
    assert desk.said.splitlines() == [
        f"error: {tmp_path}/nowhere/chart.png cannot be written: No such file or directory.",
        "hint: Choose another place.",
    ]
    desk.run("chart", "--out", str(tmp_path / "chart.png"))
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
