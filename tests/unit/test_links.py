"""Links in a workspace that lead out of it."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.agents.permissions import links
from bot.agents.permissions.question import Question, from_hook


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
        assert question.risk.writes is (tool != "Read")


async def test_a_workspace_that_is_reached_by_a_link_is_no_place_outside(work: Path, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(work)
    question = await links.followed(asked("Bash", tmp_path / "way", command="cat src/a.py"), tmp_path / "way")
    assert question.risk.line == "only reads · outside the workspace: no"


async def test_where_the_disk_does_not_answer_it_cannot_be_told(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()
    # A mounted folder whose server is gone cannot be had in a test.
    monkeypatch.setattr(links, "leading_out", lambda named, workdir: hangs.wait() and [])
    monkeypatch.setattr(links, "WAIT_S", 0.01)
    try:
        question = await links.followed(asked("Bash", work, command="cat src/a.py"), work)
    finally:
        hangs.set()
    assert question.risk.place == "cannot be told"
    assert question.risk.dangerous


async def test_words_that_are_no_paths_do_no_harm(work: Path) -> None:
    question = asked("Bash", work, command="echo hi")
    for words in (("\0", "x" * 10_000, "src/[", "src/**/*", "~x"), tuple(f"f{n}" for n in range(links.MOST + 1))):
        found = await links.followed(replace(question, risk=replace(question.risk, named=words)), work)
        assert not found.risk.outside
        assert found.risk.unplaced is (len(words) > links.MOST)
