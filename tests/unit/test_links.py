"""Links in a workspace that lead out of it."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.agents.permissions import links
from bot.agents.permissions.question import Question, from_hook
from bot.agents.permissions.risk import Named


def asked(tool: str, workdir: Path, **inputs: Any) -> Question:
    return from_hook({"tool_name": tool, "tool_input": inputs}, cli="claude", workspace=str(workdir))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workspace with links: to a folder outside (`data`), to a file there (`notes.txt`), and one that stays."""
    work = tmp_path / "work"
    (work / "src").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "notes.txt").touch()
    (work / "data").symlink_to(tmp_path / "elsewhere")
    (work / "notes.txt").symlink_to(tmp_path / "elsewhere" / "notes.txt")
    (work / "src2").symlink_to(work / "src")
    return work


@pytest.mark.parametrize(
    ("command", "leads"),
    [
        ("cat src/a.py", False),
        ("cat src2/a.py", False),
        ("ls", False),
        ("make > /dev/null", False),
        ("cat data/x", True),
        ("cat ./src/../data/x", True),
        ("tar --directory=data -xf a.tar", True),
        ("echo x > notes.txt", True),
        ("cat *.txt", True),
        ("cat src/*.txt", False),
        ("cd data && rm x", True),
        ("sh -c 'cat data/x'", True),
    ],
)
async def test_a_link_that_leads_out_is_told(work: Path, command: str, leads: bool) -> None:
    question = await links.followed(asked("Bash", work, command=command), work)
    assert bool(question.risk.outside) is leads, question.risk.line
    assert question.risk.dangerous or not leads
    assert (str(work.parent / "elsewhere") in question.risk.line) is leads


@pytest.mark.parametrize("tool", ["Read", "Edit", "Write"])
async def test_a_file_behind_a_link_is_outside(work: Path, tool: str) -> None:
    for file, outside in ((work / "data" / "x", True), (work / "src2" / "x", False)):
        question = await links.followed(asked(tool, work, file_path=str(file)), work)
        assert bool(question.risk.outside) is outside
        assert question.risk.groupable is (tool == "Read" and not outside)


async def test_a_workspace_that_is_reached_by_a_link_is_no_place_outside(work: Path, tmp_path: Path) -> None:
    """Its CLI may name it, and where it is, by the other way."""
    (tmp_path / "way").symlink_to(work)
    for command in ("cat src/a.py", f"cat {work}/src/a.py", f"cd {work} && ls"):
        event = {"tool_name": "Bash", "tool_input": {"command": command}, "cwd": str(work)}
        question = from_hook(event, cli="claude", workspace=str(tmp_path / "way"))
        question = await links.followed(question, tmp_path / "way")
        assert question.risk.line == "only reads · outside the workspace: no"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("cat notes", "touches credentials"),
        ("cat src/* < src/a.py", "touches credentials"),
        ("grep -rn x .", "touches credentials"),
        ("rg -n x .", "only reads · outside the workspace: no"),
        ("rg --hidden x .", "touches credentials"),
        ("diff src2/deep far", "only reads · outside the workspace: yes, far (leads to {0}/elsewhere/a.py)"),
        ("grep -rn x far", "only reads · outside the workspace: no"),
        ("cat far/*", "only reads · outside the workspace: yes, far/* (leads to {0}/elsewhere/a.py)"),
        ("cat many/*", "may do anything"),
        ("cat src/../src2/a.py", "only reads · outside the workspace: no"),
        ("cd src2/deep && cat ../a.py", "only reads · outside the workspace: no"),
        ("cd up && cat ../x", "only reads · outside the workspace: yes, up/../x (leads to {0}/x)"),
    ],
)
async def test_what_lies_below_a_folder_counts(work: Path, tmp_path: Path, command: str, line: str) -> None:
    (work / ".env").touch()
    (work / "notes").symlink_to(work / ".env")
    (work / "src" / "auth.json").touch()
    (work / "src" / "deep").mkdir()
    (work / "far").mkdir()
    (work / "far" / "a.py").symlink_to(tmp_path / "elsewhere" / "a.py")
    (work / "up").symlink_to(work)
    (work / "many").mkdir()
    for number in range(links.MOST + 1):
        (work / "many" / str(number)).touch()
    question = await links.followed(asked("Bash", work, command=command), work)
    assert question.risk.line == line.format(tmp_path)


async def test_where_the_disk_does_not_answer_nothing_is_proven(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()
    # A mounted folder whose server is gone cannot be had in a test.
    monkeypatch.setattr(links, "looked_at", lambda risk, workdir: hangs.wait() and risk)
    monkeypatch.setattr(links, "WAIT_S", 0.01)
    try:
        question = await links.followed(asked("Bash", work, command="cat src/a.py"), work)
    finally:
        hangs.set()
    assert question.risk.line == "may do anything"


async def test_words_that_are_no_paths_do_no_harm(work: Path) -> None:
    question = asked("Bash", work, command="echo hi")
    words = ("\0", "x" * 10_000, "src/[", "src/**/*", "~x", "$HOME/x", "*")
    risk = replace(question.risk, named=tuple(map(Named, words)), outside=words)
    found = await links.followed(replace(question, risk=risk), work)
    assert set(words) <= set(found.risk.outside)


def settings(work: Path, text: str, name: str = ".git/config") -> None:
    (work / name).parent.mkdir(parents=True, exist_ok=True)
    with (work / name).open("a") as file:
        file.write(text)


@pytest.fixture
def repository(work: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(work)], check=True)
    return work


@pytest.mark.parametrize("command", ["git status", "git -C src log -p", "cd src && git diff", "ls && git show"])
async def test_git_as_it_comes_only_reads(repository: Path, command: str) -> None:
    question = await links.followed(asked("Bash", repository, command=command), repository)
    assert question.risk.groupable, question.risk.line


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("[core]\n\tfsmonitor = ./evil\n", ".git/config"),
        ("[core]\npager=./evil\n", ".git/config"),
        ("[diff]\nexternal = ./evil\n", ".git/config"),
        ('[diff "x"]\n  TextConv = ./evil\n', ".git/config"),
        ('[filter "x"] clean = ./evil\n', ".git/config"),
        ("[gpg]\nprogram = ./evil\n[log]\nshowSignature\n", ".git/config"),
        ("[include]\npath = x\n", ".git/config"),
        ('[remote "o"]\npromisor = true\n', ".git/config"),
        ("[core]\nworktree = /\n", ".git/config"),
        ("[core]\npager = x\n", ".git/config.worktree"),
        ("[diff]\nsubmodule = diff\n", ".git/config"),
        ("[status]\nsubmoduleSummary\n", ".git/config"),
        ("#!/bin/sh\n", ".git/hooks/post-index-change"),
        ("gitdir: ../../elsewhere\n", "src/.git"),
    ],
)
async def test_git_that_is_set_to_run_something_may_do_anything(repository: Path, text: str, file: str) -> None:
    (repository.parent / "elsewhere" / "config").write_text("[core]\npager = x\n")
    settings(repository, text, file)
    question = await links.followed(asked("Bash", repository, command="git -C src status"), repository)
    assert question.risk.line.startswith("may do anything")


async def test_a_work_tree_has_the_settings_of_its_repository(repository: Path) -> None:
    settings(repository, "[user]\nname = A\nemail = a@example.org\n")
    subprocess.run(["git", "-C", str(repository), "commit", "-qm", "x", "--allow-empty"], check=True)
    tree = repository.parent / "tree"
    subprocess.run(["git", "-C", str(repository), "worktree", "add", "-q", str(tree)], check=True)
    assert (await links.followed(asked("Bash", tree, command="git status"), tree)).risk.groupable
    settings(repository, "[core]\nfsmonitor = ./evil\n")
    assert not (await links.followed(asked("Bash", tree, command="git status"), tree)).risk.proven


async def test_a_folder_that_looks_like_a_repository_is_one(work: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(work / "src")], check=True)
    settings(work, "[core]\nfsmonitor = ./evil\n", "src/config")
    question = await links.followed(asked("Bash", work, command="cd src && git status"), work)
    assert not question.risk.proven


async def test_a_repository_that_git_passes_over_hides_none_above_it(repository: Path) -> None:
    """The first case was run: `git status` in a folder with an empty .git runs the fsmonitor of the one above."""
    settings(repository, "[core]\nfsmonitor = ./evil\n")
    (repository / "src" / ".git").mkdir()
    question = await links.followed(asked("Bash", repository, command="cd src && git status"), repository)
    assert not question.risk.proven
    (repository / "src" / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    question = await links.followed(asked("Bash", repository, command="cd src && git status"), repository)
    assert not question.risk.proven


async def test_a_folder_whose_repository_lies_elsewhere_has_its_settings(repository: Path) -> None:
    """HEAD and commondir make a folder a repository for git: `git show` there ran a textconv of the other one."""
    subprocess.run(["git", "init", "-q", "--bare", str(repository / "other")], check=True)
    (repository / "src" / "HEAD").write_text("ref: refs/heads/main\n")
    settings(repository, "../other\n", "src/commondir")
    question = await links.followed(asked("Bash", repository, command="cd src && git show"), repository)
    assert question.risk.proven
    settings(repository, '[diff "x"]\ntextconv = ./evil\n', "other/config")
    question = await links.followed(asked("Bash", repository, command="cd src && git show"), repository)
    assert not question.risk.proven


@pytest.mark.parametrize("version", ["2", "4"])
async def test_git_runs_in_repositories_within_one_by_their_settings(repository: Path, version: str) -> None:
    """`git status` and `git diff` run git in each that the index names; its fsmonitor was run."""
    name = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", f"index.version={version}"]
    inner = repository / "inner"
    for words in (["init", "-q", str(inner)], ["-C", str(inner), *name, "commit", "-qm", "x", "--allow-empty"]):
        subprocess.run(["git", *words], check=True)
    (repository / "a.txt").write_bytes(b"x" * 0xE000)  # its size looks like the mode of a repository
    subprocess.run(["git", "-C", str(repository), *name, "add", "a.txt"], check=True)
    proven = (await links.followed(asked("Bash", repository, command="git status"), repository)).risk.proven
    assert proven or version == "4"
    subprocess.run(["git", "-C", str(repository), *name, "add", "inner"], check=True, capture_output=True)
    for command in ("git status", "git diff --stat", "cd src && git status"):
        question = await links.followed(asked("Bash", repository, command=command), repository)
        assert not question.risk.proven, command


async def test_cd_goes_back_by_names_and_a_path_by_places(work: Path) -> None:
    """In `cd deep && cd ..` a shell is where it began, wherever the link `deep` leads to."""
    (work / "src" / "a" / "b").mkdir(parents=True)
    (work / "deep").symlink_to(work / "src" / "a" / "b")
    question = asked("Bash", work, command="cd deep && cd .. && cat data/../notes.txt")
    assert (await links.followed(question, work)).risk.outside
