"""Judging a command line: it only reads if each of its commands is known to; else it may do anything. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence

from bot.agents.permissions.risk.grammar import understood
from bot.agents.permissions.risk.model import Effect, Named, Risk
from bot.agents.permissions.risk.places import DEVICE, NOWHERE, leaves, normal, secret, told, within
from bot.agents.permissions.risk.reader import Budget, Command, TooLong, Word, read
from bot.agents.permissions.risk.readers import (
    GIT,
    GIT_OPTIONS,
    LISTINGS,
    OF_FILES,
    OF_TEXTS,
    READERS,
    SYSTEM_FOLDERS,
    VARIABLES,
)
from bot.agents.permissions.risk.recognised import recognised

_ASSIGNMENT = re.compile(r"(\w+)=(.*)", re.DOTALL)
_DURATION = re.compile(r"\d+[smh]?")
_QUIET = re.compile(r"/dev/(null|stdout|stderr)")
_DEEPEST = 2  # bash -c within bash -c
_MOST_FOLDERS = 8  # that a command may run in
MOST_PATHS = 200  # that a line may name


def risk_of(command: str, *, workspace: str, folder: str = "", budget: Budget | None = None) -> Risk:
    """Judge a shell command line. `workspace` is an absolute path; `folder` is where it is run, if not there."""
    budget = budget or Budget()
    try:
        commands = read(command, budget)
        proof = _Proof(workspace, folder, budget)
        if commands and proof.all_read(commands):
            return proof.risk()
    except TooLong:
        return Risk(effects=frozenset({Effect.NOT_JUDGED}))
    return recognised(command, workspace, folder, budget)


class _Proof:
    """Collects the paths that the commands of a line read. `here`: folders that the next command may run in; `ever`:
    folders that any command may run in; `sure`: the next command runs only if all before it in its list succeeded."""

    def __init__(self, workspace: str, folder: str, budget: Budget) -> None:
        self.workspace = workspace
        self.budget = budget
        self.here, self.ever, self.sure = [folder], [folder], True
        self.depth = 0
        self.found: dict[Named, None] = {Named(folder): None} if folder else {}  # ls reads it without naming it
        self.special: dict[str, Callable[[Sequence[Word]], bool]] = {
            "git": self._git,
            "echo": self._echo,
            "ps": self._listing,
            "[": self._bracket,
            "test": self._test,
            "command": self._command,
            "bash": self._shell,
            "sh": self._shell,
            "zsh": self._shell,
        }

    def risk(self) -> Risk:
        """The risk of commands of which `all_read` is true."""
        outside = sorted({one.path for one in self.found if leaves(one.path, self.workspace)})
        secrets = any(secret(told(one.path, self.workspace)) for one in self.found)
        effects = frozenset({Effect.CREDENTIALS} if secrets else ())
        return Risk(proven=True, effects=effects, outside=tuple(outside), named=tuple(self.found))

    def all_read(self, commands: Sequence[Command]) -> bool:
        """Go through commands, up to the first that is not known to read."""
        for command in commands:
            self.budget.steps += len(command.words)
            if not self._redirects(command) or not self._reads(command.words, command.then):
                return False
            self.sure = command.then in {";", "\n"} or (self.sure and command.then == "&&")
            if command.then != "&&":
                self.here = self.ever
        return True

    def _redirects(self, command: Command) -> bool:
        for operator, target in command.redirections:
            copies = operator in {">&", "<&"} and re.fullmatch(r"\d|-", target.text)
            if copies or (operator != "<" and _QUIET.fullmatch(target.text)):
                continue
            if operator != "<" or target.glob or not self._paths([Named(target.text)]):
                return False
        return True

    def _reads(self, words: Sequence[Word], then: str, starter: str = "") -> bool:
        """Judge a simple command. `starter`: the program that starts this one, if any."""
        at = 0
        while at < len(words) and (given := _ASSIGNMENT.fullmatch(words[at].text)):
            if not re.fullmatch(VARIABLES.get(given[1], "(?!)"), given[2]):
                return False
            at += 1
        return at < len(words) and not words[at].glob and self._program(words[at].text, words[at + 1 :], then, starter)

    def _program(self, path: str, rest: Sequence[Word], then: str, starter: str) -> bool:
        folder, name = posixpath.split(path)
        if folder not in SYSTEM_FOLDERS:
            return False
        if name in {"cd", "timeout"}:  # cd is the shell's own, and a chain of the other is nothing that anybody writes
            known = self._cd if name == "cd" else self._timed
            return not folder + starter and known(rest, then)
        if name in self.special:
            return not any(word.glob for word in rest) and self.special[name](rest)
        found = understood(READERS[name], rest) if name in READERS else None
        return found is not None and self._paths(found)

    def _timed(self, rest: Sequence[Word], then: str) -> bool:
        return bool(rest) and _DURATION.fullmatch(rest[0].text) is not None and self._reads(rest[1:], then, "timeout")

    def _echo(self, rest: Sequence[Word]) -> bool:
        return True

    def _listing(self, rest: Sequence[Word]) -> bool:
        return " ".join(word.text for word in rest) in LISTINGS

    def _command(self, rest: Sequence[Word]) -> bool:
        """Take `command -v NAME`, which looks NAME up; without -v it would run it."""
        return bool(rest) and rest[0].text in {"-v", "-V"} and understood("w*", rest[1:]) is not None

    def _shell(self, rest: Sequence[Word]) -> bool:
        return len(rest) == 2 and rest[0].text in {"-c", "-lc"} and self._line(rest[1].text)

    def _line(self, text: str) -> bool:
        """Judge the line of a `bash -c`. A `cd` in it ends with it."""
        if self.depth >= _DEEPEST:
            return False
        commands, before = read(text, self.budget), (self.here, self.ever, self.sure)
        self.depth += 1
        self.ever, self.sure = self.here, True
        reads = bool(commands) and self.all_read(commands)
        self.depth -= 1
        self.here, self.ever, self.sure = before
        return reads

    def _cd(self, rest: Sequence[Word], then: str) -> bool:
        """Change the folder: of all that runs only if this succeeded; else both folders are possible."""
        if len(rest) != 1 or rest[0].glob or rest[0].text[:1] in {"", "-", "+"}:
            return False
        # A shell goes by the names: in `cd link/..` what the link leads to does not count.
        there = [posixpath.normpath(posixpath.join(folder, rest[0].text)) for folder in self.here]
        if not self._paths([Named(rest[0].text)]):
            return False
        self.ever = [*dict.fromkeys([*self.ever, *there])]
        self.here = there if then == "&&" and self.sure else self.ever
        return len(self.ever) <= _MOST_FOLDERS

    def _git(self, rest: Sequence[Word]) -> bool:
        here, at, texts = self.here, 0, [word.text for word in rest]
        while at < len(rest) and (texts[at] in GIT_OPTIONS or (texts[at] == "-C" and at + 1 < len(rest))):
            if texts[at] == "-C":
                at += 1
                if not self._paths([Named(texts[at])]):
                    return False
                self.here = [posixpath.join(folder, texts[at]) for folder in self.here]
            at += 1
        verb = " ".join(texts[at : at + 2])
        if verb not in GIT:
            verb = "".join(texts[at : at + 1])
        found = understood(GIT[verb], rest[at + len(verb.split()) :]) if verb in GIT else None
        reads = found is not None and self._paths([*_revisions(found), Named(".", "git")])
        self.here = here
        return reads

    def _bracket(self, rest: Sequence[Word]) -> bool:
        return bool(rest) and rest[-1].text == "]" and self._test(rest[:-1])

    def _test(self, rest: Sequence[Word]) -> bool:
        texts = [word.text for word in rest]
        match texts[1:] if texts[:1] == ["!"] else texts:
            case [operator, path] if operator in OF_FILES:
                return self._paths([Named(path)])
            case [operator, _] if operator in OF_TEXTS:
                return True
            case [_, "=" | "!=", _]:
                return True
        return False

    def _paths(self, found: Sequence[Named]) -> bool:
        """Note paths that are read. False for a device, which may be more than a file, and for too many paths."""
        for one in found:
            for folder in self.here:
                path = within(folder, one.path)
                whole = normal(path, self.workspace)
                if DEVICE.match(whole) and not NOWHERE.fullmatch(whole):
                    return False
                self.found[Named(path, one.use)] = None
        return len(self.found) <= MOST_PATHS


def _revisions(found: Sequence[Named]) -> list[Named]:
    """Add the path behind the colon of a revision (HEAD:src/a.py)."""
    return [
        Named(path, one.use) for one in found for path in dict.fromkeys([one.path, *one.path.split(":")[1:]]) if path
    ]
