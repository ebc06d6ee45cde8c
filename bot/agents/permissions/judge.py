"""What a command would do, as far as its words tell. Pure.

It informs a person who decides; it decides nothing. Only what is known to read counts as reading; what is not known
counts as writing, and what hides its words (a substitution, eval, a script from the network) is told as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from bot.agents.permissions import programs, shell
from bot.agents.permissions.places import NOWHERE, leaves, pieces
from bot.agents.permissions.risk import HIDDEN, Risk
from bot.agents.permissions.shell import Simple, Word
from bot.excerpt import visible

LONGEST = 50_000  # characters of a command that are looked at
DEEPEST = 4  # commands within commands
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\[[^]]*\])?\+?=")
_SEEN = frozenset({"HOME", "PWD", "?", "#", "$", "!"})  # variables whose place or harmlessness is known
_NET = re.compile(r"/dev/(tcp|udp)/")


def risk_of(command: str, *, workspace: str, depth: int = 0) -> Risk:
    """Judge a shell command line, as one would run it in `workspace` (an absolute path)."""
    if depth > DEEPEST or len(command) > LONGEST:
        return HIDDEN
    try:
        line = shell.read(command)
    except ValueError:
        return HIDDEN
    found = Risk(hidden=bool(line.inner) or line.defines or visible(command) != command)
    for inner in line.inner:
        found |= risk_of(inner, workspace=workspace, depth=depth + 1)
    judge = _Judge(workspace, depth)
    for simple in line.commands:
        found |= judge.simple(simple)
    return found


class _Judge:
    """Judges the simple commands of one line."""

    def __init__(self, workspace: str, depth: int) -> None:
        self.workspace = workspace
        self.depth = depth
        self.wrapped = 0  # programs that start programs that start …, at this moment

    def simple(self, command: Simple) -> Risk:
        """What one command without pipes would do: its redirections, the variables it sets, the keywords around it,
        then its program.
        """
        found = self._redirected(command)
        words = list(command.words)
        while words:
            first = words[0]
            if assigned := _ASSIGNMENT.match(first.text):
                found |= _variable(assigned[1]) | self._words([words.pop(0)])
            elif first.quoted or not first.fixed:
                break
            elif first.text in shell.KEYWORDS or first.text == "coproc":
                words.pop(0)
            elif first.text in {"for", "select", "case"}:
                return found | self._words(words)
            elif first.text == "function":
                return found | HIDDEN
            else:
                break
        return found | self.program(words, command) if words else found

    def program(self, words: list[Word], command: Simple) -> Risk:
        """A program and its arguments, without what stood before them."""
        first = words[0]
        if not first.fixed:
            return HIDDEN | self._words(words)
        name, folder = PurePosixPath(first.text).name, str(PurePosixPath(first.text).parent)
        if "/" in first.text and folder not in programs.SYSTEM_FOLDERS:
            return self._other(name, words, command) | Risk(unknown=True)
        if (inner := self._started(name, words, command)) is not None:
            return inner
        if name == "git":
            return self._git(words)
        rule = programs.READS.get(name)
        if rule is not None and rule([word.text for word in words[1:]]):
            return self._reads(name, words)
        return self._other(name, words, command)

    def _started(self, name: str, words: list[Word], command: Simple) -> Risk | None:
        """The program that this one starts, if that is what it is for."""
        if name in programs.WRAPPERS:
            return self._wrapped(name, words[1:], command)
        if name in programs.SHELLS:
            return self._shell(words, command)
        if name not in {"find", "fd"}:
            return None
        own, started = _started_by(name, words)
        if not started:
            return None
        found = self.program(own, command)
        for inner in started:
            found |= self.program(inner, command) if inner else HIDDEN
        return found

    def _reads(self, name: str, words: list[Word]) -> Risk:
        """`cd` is watched: what comes after it is somewhere else."""
        args = [word.text for word in words[1:] if not word.text.startswith("-") or word.text == "-"]
        if name == "cd" and (not args or args[0] == "-"):
            return Risk(outside=("~",)) if not args else Risk(unplaced=True)
        shown = words[1:]
        pattern = name in {"sed", "awk", "gawk", "mawk", "grep", "egrep", "fgrep", "rg"}
        if pattern and not any(re.match(r"-\w*[efFvABCm]|--", w.text) for w in shown):
            first = next((w for w in shown if not w.text.startswith("-")), None)
            if first is not None and first.fixed:
                shown = [w for w in shown if w is not first]  # a pattern, and no path
        return self._words(shown)

    def _other(self, name: str, words: list[Word], command: Simple) -> Risk:
        """A program that does more than read, or that we do not know."""
        args = [word.text for word in words[1:]]
        code = bool(programs.INTERPRETER.fullmatch(name))
        module = code and "-m" in args[:-1] and not name.startswith("perl")
        if module:
            at = args.index("-m") + 2
            return self._words(words) | self.program(words[at:], command) | Risk(writes=True)
        text = "\n".join((*args, command.fed or ""))
        runs = code and (any(programs.IS_CODE.fullmatch(a) for a in args) or not args or command.fed is not None)
        lower = name.lower()
        found = Risk(
            writes=True,
            deletes=lower.split(".")[0] in programs.DELETES or _deletes(args, text),
            network=lower in programs.NETWORK,
            installs=_installs(name, args),
            hidden=runs or name in programs.UNSEEN or name == "base64",
            unknown=not any(name in known for known in programs.KNOWN),
            outside=(name,) if name in programs.SYSTEM else (),
        )
        return found | self._words(words[1:]) | self._sets(name, args) | self._nested(words[1:])

    def _nested(self, words: Sequence[Word]) -> Risk:
        """Commands that are handed on as a word: `watch 'rm x'`, `ssh host "rm x"`. Only what they lose is taken from
        them, for a word may as well be a sentence."""
        lost = False
        for word in words:
            if " " in word.text and self.depth < DEEPEST:
                lost = lost or risk_of(word.text, workspace=self.workspace, depth=self.depth + 1).deletes
        return Risk(deletes=lost)

    def _sets(self, name: str, args: Sequence[str]) -> Risk:
        if name not in programs.SETS:
            return Risk()
        found = Risk()
        for arg in args:
            found |= _variable(arg.partition("=")[0])
        return found

    def _wrapped(self, name: str, words: list[Word], command: Simple) -> Risk:
        """sudo, env, timeout, xargs …: the program that they start, and what they add to it."""
        takes, operands = programs.WRAPPERS[name]
        found = Risk(root=name in programs.ROOT, unplaced=name == "xargs")
        rest = list(words)
        if name == "command" and rest and rest[0].text in {"-v", "-V"}:
            return found
        while rest and rest[0].text.startswith("-") and rest[0].text != "-":
            option = rest.pop(0)
            found |= self._words([option])
            if option.text == "--":
                break
            if name == "env" and (split := re.match(r"-\w*S|--split-string=?", option.text)):
                line = option.text[split.end() :] or (rest.pop(0).text if rest else "")
                return found | Risk(hidden=True) | risk_of(line, workspace=self.workspace, depth=self.depth + 1)
            if option.text.startswith("--") and "=" not in option.text and option.text not in programs.FLAGS:
                found |= HIDDEN  # does the next word belong to it?
            if takes and rest and re.fullmatch(rf"-[^-{takes}]*[{takes}]", option.text):
                found |= self._words([rest.pop(0)])
        while rest and (assigned := _ASSIGNMENT.match(rest[0].text)):
            found |= _variable(assigned[1]) | self._words([rest.pop(0)])
        rest = rest[operands:]
        if not rest:
            return found
        if self.wrapped >= DEEPEST:
            return found | HIDDEN
        self.wrapped += 1
        inner = self.program(rest, command)
        self.wrapped -= 1
        if name == "xargs" and PurePosixPath(rest[0].text).name in programs.SHELLS:
            found |= HIDDEN
        return found | inner

    def _shell(self, words: list[Word], command: Simple) -> Risk:
        """`bash -lc 'command'`; without -c a script whose words are elsewhere, or what comes in by a pipe."""
        rest, code = words[1:], False
        while rest and re.match(r"[-+]\w|--\w", rest[0].text):
            option = rest.pop(0)
            code = code or re.fullmatch(r"-\w*c\w*", option.text) is not None
            if re.fullmatch(r"[-+]\w*[oO]|--(rcfile|init-file)", option.text) and rest:
                rest.pop(0)
        if not code or not rest:
            found = HIDDEN | self._words(words[1:]) | Risk(unknown=True)
            fed = command.fed
            return found | risk_of(fed, workspace=self.workspace, depth=self.depth + 1) if fed else found
        line = rest[0]
        inner = risk_of(line.text, workspace=self.workspace, depth=self.depth + 1) if line.fixed else HIDDEN
        return inner | self._words(rest[1:])

    def _git(self, words: list[Word]) -> Risk:
        args, found = words[1:], Risk()
        while args and args[0].text.startswith("-"):
            option = args.pop(0)
            if option.text == "-C" and args:
                found |= self._words([args.pop(0)])
            elif option.text not in {"--no-pager", "-P", "--version"}:
                found |= HIDDEN  # -c sets what git runs; --git-dir and the like say where
                if option.text in {"-c", "--git-dir", "--work-tree", "--exec-path", "--namespace"} and args:
                    args.pop(0)
        found |= self._words(args)
        if not args:
            return found
        verb, rest = args[0].text, [word.text for word in args[1:]]
        if programs.git_reads(verb, rest):
            return found | Risk(network=verb in programs.GIT_NETWORK)
        line = " ".join((verb, *rest))
        known = verb in programs.GIT_WRITES or verb in programs.GIT_READS or verb in programs.GIT_NETWORK
        return found | Risk(
            writes=True,
            deletes=programs.GIT_DELETES.match(line) is not None,
            network=verb in programs.GIT_NETWORK,
            hidden=not known or programs.GIT_HIDES.match(line) is not None,
        )

    def _redirected(self, command: Simple) -> Risk:
        found = Risk()
        for operator, target in command.redirections:
            if operator in {"<<", "<<-", "<<<"}:
                continue
            found |= self._words([target])
            if _NET.match(target.text):
                found |= Risk(network=True, hidden=True)
            copies = operator in {">&", "<&"} and re.fullmatch(r"\d+|-", target.text)
            if operator not in {"<", "<&"} and not copies and not NOWHERE.fullmatch(target.text):
                found |= Risk(writes=True)
        return found

    def _words(self, words: Iterable[Word]) -> Risk:
        """What arguments tell by themselves: where they lead, and whether they can be seen."""
        hidden, outside, within = False, set(), set()
        for word in words:
            hidden = hidden or not word.sure or not set(word.variables) <= _SEEN
            paths = [path for path in pieces(word.text) if path and not NOWHERE.fullmatch(path)]
            if leaving := next((path for path in paths if leaves(path, self.workspace)), ""):
                outside.add(leaving)
            else:
                within.update(paths)
        return Risk(hidden=hidden, outside=tuple(sorted(outside)), named=tuple(sorted(within)))


def _variable(name: str) -> Risk:
    """Setting it, before a command or for those that follow."""
    if programs.LOADED_VARIABLE.fullmatch(name):
        return HIDDEN
    return Risk() if programs.HARMLESS_VARIABLE.fullmatch(name) else Risk(writes=True)


def _started_by(name: str, words: Sequence[Word]) -> tuple[list[Word], list[list[Word]]]:
    """(`find` or `fd` without the programs that it starts, each of those)."""
    option = re.compile(r"-(exec|execdir|ok|okdir)" if name == "find" else r"-\w*[xX]|--exec(-batch)?")
    own: list[Word] = []
    started: list[list[Word]] = []
    inside = False
    for word in words:
        if inside and word.text not in {";", "+"}:
            started[-1].append(word)
        elif inside:
            inside = False
        elif word is not words[0] and option.fullmatch(word.text):
            inside = True
            started.append([])
        else:
            own.append(word)
    return own, started


def _installs(name: str, args: Sequence[str]) -> bool:
    if name in {"npx", "uvx", "pipx", "bunx"}:
        return True
    return name in programs.INSTALLS and (not args or bool(programs.INSTALLING & set(args)))


def _deletes(args: Sequence[str], text: str) -> bool:
    bare = (PurePosixPath(arg.split("=")[-1].split(" ")[0].lstrip("!")).name.lower() for arg in args)
    return (
        "-delete" in args
        or any(word in programs.DELETES for word in bare)
        or any(programs.DELETING_WORD.fullmatch(arg) for arg in args)
        or programs.DELETING_CODE.search(text) is not None
    )
