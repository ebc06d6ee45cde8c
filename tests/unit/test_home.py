"""Which home a command works with: --home, else $MAF_HOME, else the nearest .maf/ upward, else ./.maf."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli import quota_line
from bot.home import Home, find_home


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder two below a project, as the current one."""
    folder = tmp_path / "shop" / "apps" / "site"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MAF_HOME", raising=False)
    return folder


def test_without_any_home_it_is_the_one_here(deep: Path) -> None:
    assert find_home().root == deep / ".maf"


def test_the_nearest_above_wins_over_those_further_up(deep: Path) -> None:
    shop = deep.parents[1]
    (shop.parent / ".maf").mkdir()
    assert find_home().root == shop.parent / ".maf"
    (shop / ".maf").mkdir()
    assert find_home().root == shop / ".maf"
    (deep / ".maf").write_text("a file is no home")
    assert find_home().root == shop / ".maf"


def test_the_environment_wins_over_what_lies_above_and_the_option_over_both(
    deep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (deep.parent / ".maf").mkdir()
    monkeypatch.setenv("MAF_HOME", "../elsewhere")
    assert find_home().root == deep.parent / "elsewhere"
    assert find_home("given/home").root == deep / "given" / "home"
    assert find_home(deep / "whole").root == deep / "whole"
    monkeypatch.setenv("MAF_HOME", "")
    assert find_home().root == deep.parent / ".maf"


def test_a_tilde_is_a_home_and_the_tilde_of_nobody_a_name(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(deep.parent))
    assert find_home("~/there").root == deep.parent / "there"
    assert find_home("~nobody-has-this-name/there").root == deep / "~nobody-has-this-name" / "there"


@pytest.mark.parametrize("given", ["", "~/x/.maf", "../y", "/z"])
def test_the_quick_command_finds_the_same(deep: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    (deep.parents[1] / ".maf").mkdir()
    monkeypatch.setenv("HOME", str(deep.parent))
    monkeypatch.setenv("MAF_HOME", given)
    assert Path(quota_line._path()).resolve() == find_home().quota_line


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc", "a/b", "a\0b"])
def test_no_name_leads_out_of_the_home(tmp_path: Path, name: str) -> None:
    home = Home(tmp_path)
    for place in (home.profile, home.worktree, home.agent_log, home.agent_facts):
        with pytest.raises(ValueError, match="no name for a file"):
            place(name)
        assert place("w1.x").is_relative_to(tmp_path)
