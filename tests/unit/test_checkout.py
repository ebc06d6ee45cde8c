"""A git worktree stands for the folder that it was made of, if the repository says so too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bot.checkout import in_main, worktree_of
from tests.patience import PATIENCE_S


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, timeout=PATIENCE_S)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text("", "utf8")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_a_folder_in_a_worktree_is_the_same_one_in_the_main_checkout(repo: Path, tmp_path: Path) -> None:
    tree = tmp_path / "elsewhere" / "w1"
    git(repo, "worktree", "add", "-q", "-b", "w1", str(tree))
    assert in_main(tree) == repo
    assert in_main(tree / "src") == repo / "src"
    assert in_main(repo / "src") == repo / "src"
    assert in_main(tmp_path) == tmp_path


def test_a_worktree_that_the_repository_does_not_know_is_only_itself(repo: Path, tmp_path: Path) -> None:
    """An unpacked archive may hold such a file: trust in the repository must not become trust in it."""
    git(repo, "worktree", "add", "-q", "-b", "w1", str(tmp_path / "w1"))
    forged = tmp_path / "unpacked"
    forged.mkdir()
    (forged / ".git").write_bytes((tmp_path / "w1" / ".git").read_bytes())
    tree = worktree_of(forged)
    assert tree is not None and tree.main == repo and not tree.known
    assert in_main(forged) == forged


@pytest.mark.parametrize(
    "text", ["", "gitdir: ../missing/.git/modules/lib", "nonsense", "gitdir: /nowhere/.git/worktrees/w1"]
)
def test_other_git_files_are_no_worktrees(tmp_path: Path, text: str) -> None:
    (tmp_path / ".git").write_text(text, "utf8")
    assert in_main(tmp_path) == tmp_path
