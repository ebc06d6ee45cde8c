"""Git worktrees and the checkout that they belong to, read from git's own files (gitrepository-layout(5)). Blocking."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Worktree:
    """A linked worktree: its top folder, the main checkout, and what the repository keeps of it."""

    top: Path
    main: Path
    git_dir: Path

    @property
    def known(self) -> bool:
        """Does the repository name this worktree too? Anybody can write a `.git` file that names a repository."""
        return _text(self.git_dir / "gitdir").strip() == str(self.top / ".git")


def worktree_of(folder: Path) -> Worktree | None:
    """The worktree around a folder: its `.git` is a file `gitdir: MAIN/.git/worktrees/NAME`. None elsewhere."""
    for above in (folder, *folder.parents):
        dot_git = above / ".git"
        if dot_git.is_dir():
            return None
        if dot_git.is_file():
            first = _text(dot_git).partition("\n")[0]
            if not first.startswith("gitdir:"):
                return None
            git_dir = (above / first.removeprefix("gitdir:").strip()).resolve()
            return (
                Worktree(above, git_dir.parent.parent.parent, git_dir) if git_dir.parent.name == "worktrees" else None
            )
    return None


def in_main(folder: Path) -> Path:
    """The folder of the main checkout that one in a worktree is another copy of; any other folder is itself."""
    folder = folder.resolve()
    tree = worktree_of(folder)
    return tree.main / folder.relative_to(tree.top) if tree is not None and tree.known else folder


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
