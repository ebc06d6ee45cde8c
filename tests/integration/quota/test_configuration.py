"""The files that a person edits: what does not fit leaves the last good one in force."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.errors import Refused
from bot.home import Home
from bot.profiles.book import ProfileBook
from bot.store import Store
from tests.integration.quota.scene import quota_of
from tests.rollouts import write_monitoring, write_profiles


async def test_a_broken_configuration_leaves_the_last_good_one_in_force(home: Home, store: Store) -> None:
    quota = quota_of(home, store)
    assert len(await quota.refresh()) == 2
    home.agent_config.write_text('{"profiles": {"a": {"priority": "high"}}}')
    write_monitoring(home.monitoring_config, quota_thresholds={"warning_percent": 99})
    assert [s.profile.name for s in await quota.refresh()] == ["a", "b"]
    assert any("profiles.a.priority" in note for note in quota.notes)
    assert any("thresholds must rise" in note for note in quota.notes)


async def test_the_last_good_configuration_outlives_a_restart(home: Home, store: Store, tmp_path: Path) -> None:
    home.run.mkdir()
    write_profiles(home.agent_config, {"a": {"priority": 1, "home": str(tmp_path), "environment": {"TOKEN": "t"}}})
    write_monitoring(home.monitoring_config, quota_thresholds={"warning_percent": 40})
    await quota_of(home, store).refresh()
    home.agent_config.write_text("{")
    home.monitoring_config.write_text("[]")
    again = quota_of(home, store)
    assert [(s.profile.name, s.profile.home) for s in await again.refresh()] == [("a", tmp_path)]
    assert again.config.quota_thresholds.warning_percent == 40
    assert all("The last good one stays in force." in note for note in again.notes)
    assert [path.stat().st_mode & 0o077 for path in home.last_good.iterdir()] == [0, 0]
    home.agent_config.unlink()  # taken away on purpose
    assert await quota_of(home, store).refresh() == []


async def test_a_first_configuration_that_does_not_fit_is_said_to_be_all_there_is(home: Home, store: Store) -> None:
    home.agent_config.write_text("{")
    quota = quota_of(home, store)
    assert await quota.refresh() == []
    assert "There is no earlier one that fits." in quota.notes[0]


def test_a_profile_that_agents_run_on_is_not_removed(home: Home) -> None:
    book = ProfileBook(home)
    with pytest.raises(Refused, match="a is in use by w1, w3") as caught:
        book.remove("a", used_by=["w1", "w3"])
    assert "maf agent stop w1" in caught.value.hint
    assert [p.name for p in book.all()] == ["a", "b"]


def test_an_edit_keeps_keys_of_others_and_a_backup_and_refuses_what_does_not_fit(home: Home) -> None:
    raw = json.loads(home.agent_config.read_text())
    home.agent_config.write_text(json.dumps({**raw, "theirs": {"kept": True}}))
    before = home.agent_config.read_text()
    book = ProfileBook(home)
    book.edit("a", {"priority": 3})
    after = json.loads(home.agent_config.read_text())
    assert (after["theirs"], after["profiles"]["a"]["priority"]) == ({"kept": True}, 3)
    assert home.agent_config.with_suffix(".json.bak").read_text() == before
    with pytest.raises(Exception, match="priority"):
        book.edit("a", {"priority": "first"})
    assert json.loads(home.agent_config.read_text()) == after
    assert sorted(p.name for p in home.config.iterdir()) == [
        "default-agent-config.json",
        "default-agent-config.json.bak",
    ]
