"""What is called reading, run for real: nothing in the folder is another than before."""

from __future__ import annotations

import asyncio
import random
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bot.agents.permissions.risk import risk_of
from bot.agents.permissions.risk.grammar import Grammar, grammar
from bot.agents.permissions.risk.readers import GIT, READERS
from tests.unit.harmless import HARMLESS

# What stands in a generated line, by the letter of its kind (kinds.py): names of files that are there and of some that
# are not, and what might be taken for an option.
VALUES = {
    "p": ["a.txt", "src", "src/b.py", ".", "new", "src/new"],
    "r": ["HEAD", "a.txt", "src", "HEAD:a.txt", "new", "HEAD~1", "main..HEAD", "--"],
    "t": ["new", "a", "*.txt", "x y", "%s", "", "/a/"],
    "n": ["1", "5", "+2", "0", "10k"],
    "w": ["new", "1", "a", "%H", "short", "always", "full", "json"],
    "c": [",", " ", ":", "x"],
    "f": ["%h", "new", "%(refname)"],
    "S": ["p", "s/a/b/", "1,2p", "/a/d", "$p", "1!d"],
    "A": ["{print $1}", "NR==1", '/a/ {print "x", $2}'],
    "J": [".", "keys", ".a"],
    "F": ["%s", "a\\n", "%%"],
    "D": ["+%s", "+%F"],
    "k": ["user.name"],
}
MOST = 10  # options of one program that are tried
PROGRAMS = {**READERS, **{f"git {verb}": line for verb, line in GIT.items()}}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    (work / "src").mkdir(parents=True)
    (work / "a.txt").write_text("a b\nc d\n1 2\n")
    (work / "src" / "b.py").write_text("def a():\n    pass\n")
    name = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], [*name, "commit", "-qm", "x"], ["branch", "other"]):
        subprocess.run(["git", "-C", str(work), *words], check=True)
    with (work / "a.txt").open("a") as file:
        file.write("more\n")
    return work


def seen(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All that is in it. The index of git is its memory of when files changed, and no one's work."""
    files = [path for path in sorted(folder.rglob("*")) if path != folder / ".git" / "index"]
    return {str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"") for path in files}


async def run(lines: Sequence[str], work: Path) -> None:
    """One after the other, each in a shell of its own."""
    script = "".join(f"timeout 5 bash -c {shlex.quote(line)} </dev/null >/dev/null 2>&1\n" for line in lines)
    shell = await asyncio.create_subprocess_exec("bash", "-c", script, cwd=work)
    await asyncio.wait_for(shell.wait(), 120)


def options(told: Grammar, dice: random.Random) -> Iterator[list[str]]:
    """Each of its options, with some value."""
    for name in sorted(told.flags - {"#"}):
        yield [f"-{name}" if told.whole or len(name) == 1 else f"--{name}"]
    for name, kind in sorted({**told.values, **told.joined}.items()):
        short, value = told.whole or len(name) == 1, dice.choice(VALUES[kind])
        yield dice.choice([[f"-{name}", value], [f"-{name}{value}"]]) if short else [f"--{name}={value}"]


def lines_of(program: str, dice: random.Random) -> Iterator[str]:
    """Lines with some of its options, before arguments of any number and after one of each."""
    told = grammar(PROGRAMS[program])
    known = list(options(told, dice)) or [[]]
    for option in [[], *dice.sample(known, min(MOST, len(known)))]:
        many = [dice.choice(VALUES[kind[0]]) for kind in told.arguments for _ in range(dice.randint(0, 2))]
        one = [dice.choice(VALUES[kind[0]]) for kind in told.arguments]
        for words in ([*option, *dice.choice(known), *many], [*one, *option]):
            yield shlex.join([*program.split(), *words])


async def test_lines_of_any_options_that_are_called_reading_change_nothing(work: Path) -> None:
    dice = random.Random(7)
    before = seen(work)
    for program in PROGRAMS:
        if program == "sleep" or not shutil.which(program.split()[0]):
            continue
        lines = [line for line in lines_of(program, dice) if risk_of(line, workspace=str(work)).groupable]
        assert lines, program
        await run(lines, work)
        assert seen(work) == before, lines


async def test_lines_as_agents_write_them_change_nothing(work: Path) -> None:
    before = seen(work)
    lines = [line for line in HARMLESS if "/srv/shop" not in line and "sleep" not in line]
    await run(lines, work)
    assert seen(work) == before
