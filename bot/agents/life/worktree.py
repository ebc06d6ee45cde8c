"""A git worktree of an agent's own, so that two agents never edit one file. Nothing in it is ever lost: it is removed
only when it is clean, and its branch only when all of it is merged.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from bot.errors import DependencyMissing, MafError, Refused
from bot.excerpt import clipped
from bot.settings import tool_environment

TIMEOUT_S = 60.0
MOST_BRANCHES = 100
PREFIX = "maf"  # of the branches: maf/AGENT
LONGEST_WORDS = 400


class GitFailed(MafError):
    """git refused this."""

    code = "git"


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of a worktree: `kept` says why it is still there, "" when it is gone; `branch` is left if not ""."""

    path: Path
    kept: str = ""
    branch: str = ""


async def create(workdir: Path, path: Path, agent: str) -> Path:
    """Make a worktree of the repo around `workdir` at `path`, on a new branch `maf/AGENT`; -> the same folder in it.

    Raises Refused (no repo, no commit yet, `path` is taken, a branch is in the way), GitFailed, DependencyMissing; then
    neither worktree nor branch is left, whatever a hook of the repository did there.
    """
    code, top = await _git(workdir, "rev-parse", "--show-toplevel")
    if code:
        raise Refused(f"{workdir} is in no git repository.", hint="Leave --worktree out, or run git init there.")
    if await asyncio.to_thread(path.exists):
        raise Refused(f"{path} is there already, from an earlier agent.", hint="Look what is in it, then remove it.")
    code, _ = await _git(workdir, "rev-parse", "--verify", "-q", "HEAD^{commit}")
    if code:
        raise Refused(f"The repository {top} has no commit yet.", hint="Commit something first.")
    branch = await _free_branch(workdir, f"{PREFIX}/{agent}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        code, said = await _git(workdir, "worktree", "add", "-q", "-b", branch, str(path), "HEAD")
        if code:  # git has made both by the time that a post-checkout hook fails
            words = clipped(said, LONGEST_WORDS) or "no reason given; a post-checkout hook may have failed"
            raise GitFailed(f"git worktree add ended with {code}: {words}")
    except BaseException:  # too slow, or cancelled, too: nothing half-made stays behind
        await _undo(Path(top), path, branch)
        raise
    return path / workdir.relative_to(top)


async def _undo(repo: Path, path: Path, branch: str) -> None:
    """Take back a worktree that has just been made, with what a hook put there. A branch that somebody else made in
    this moment is not checked out there, and one with a new commit stays."""
    _, made = await _git(path, "branch", "--show-current") if await asyncio.to_thread(path.is_dir) else (0, "")
    if made == branch:
        await _git(repo, "worktree", "remove", "--force", str(path))
        await _git(repo, "branch", "-q", "-d", branch)


async def remove(path: Path) -> Removed:
    """Remove the worktree at `path` if nothing in it would be lost."""
    if not await asyncio.to_thread(path.is_dir):
        return Removed(path)
    _, branch = await _git(path, "branch", "--show-current")
    if why := await _why_kept(path, branch):
        return Removed(path, why, branch)
    _, common = await _git(path, "rev-parse", "--path-format=absolute", "--git-common-dir")
    code, said = await _git(Path(common), "worktree", "remove", str(path))
    if code:
        return Removed(path, said, branch)
    if branch.startswith(f"{PREFIX}/"):  # one that we made; -d refuses it while it is not merged
        code, _ = await _git(Path(common), "branch", "-q", "-d", branch)
        branch = branch if code else ""
    return Removed(path, branch=branch)


async def _why_kept(path: Path, branch: str) -> str:
    """What would be lost with it; "" when nothing would."""
    code, changes = await _git(path, "status", "--porcelain")
    if code:
        return f"git cannot read it: {changes}"
    if changes:
        count = len(changes.splitlines())
        return f"{count} changed {'file is' if count == 1 else 'files are'} not committed"
    if not branch:
        _, holders = await _git(path, "branch", "-a", "--contains", "HEAD", "--format=%(refname)")
        if not any(name.startswith("refs/") for name in holders.splitlines()):
            return "its commits are on no branch"
    return ""


async def _free_branch(repo: Path, wanted: str) -> str:
    """A name that no branch has, nor begins with as with a folder. Raises Refused."""
    _, listed = await _git(repo, "for-each-ref", "--format=%(refname)", f"refs/heads/{PREFIX}")
    taken = listed.splitlines()
    if f"refs/heads/{PREFIX}" in taken:
        raise Refused(
            f"A branch of this repository is named {PREFIX}, so none can be named {wanted}.",
            hint=f"Rename it: git branch -m {PREFIX} OTHER",
        )
    for number in range(1, MOST_BRANCHES):
        name = wanted if number == 1 else f"{wanted}-{number}"
        ref = f"refs/heads/{name}"
        if not any(one == ref or one.startswith(f"{ref}/") for one in taken):
            return name
    raise Refused(f"There are {MOST_BRANCHES} branches named like {wanted} already.", hint="Delete the old ones.")


async def _git(folder: Path, *words: str) -> tuple[int, str]:
    """(exit code, what it said). Raises DependencyMissing, GitFailed (no answer in time)."""
    try:
        process = await asyncio.create_subprocess_exec(
            "git", "-C", str(folder), *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**tool_environment(), "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}, start_new_session=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise DependencyMissing("git is not installed.", hint="Install git.") from None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            said, _ = await process.communicate()
    except TimeoutError:
        raise GitFailed(f"git {words[0]} did not end within {TIMEOUT_S:g} s.") from None
    finally:
        if process.returncode is None:  # too slow, or nobody waits for it any more
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its hooks too
            await process.wait()
    return process.returncode or 0, said.decode("utf8", "replace").strip()
