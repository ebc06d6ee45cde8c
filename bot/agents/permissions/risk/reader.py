"""Reader of plain shell command lines, in the grammar that bash 5.2 and zsh 5.9 share (POSIX.1-2024, 2.2 to 2.9).

Plain means: simple commands of literal words and nothing else, joined by ; && || | and line ends. One pass, with at
most one step per character, within a budget of characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bot.excerpt import visible

LONGEST = 10_000  # characters of a request that are read, with all that is nested in it counted again

# What is missing here ends the reading: expansions, brackets, braces, a quote that is never closed.
_TOKEN = re.compile(
    r"""(?P<blank>[ \t]+)|(?P<broken>\\\n)|(?P<comment>\#)
    |(?P<bare>[^\s'"\\$`\#;&|<>(){}*?\[~=]+|(?<=[^\s;&|<>])=|=(?=\s)|(?<![:=])~  # zsh: =ls is the path of ls
        |\{\}|(?<=@)\{[\w-]+\})                                                 # {} is of find, @{u} of git
    |(?P<single>'[^']*')
    |(?P<double>"(?:[^"\\$`]|\\.|\$(?=["|)\ ]))*+")
    |(?P<escaped>\\.)
    |(?P<glob>[*?\[])
    |(?P<redirects>(?:&>>|&>|>>|>&|>\||>|<&|<)(?![<>(&|]))
    |(?P<joins>&&|\|\|(?!\|)|;(?!;)|\|(?!&)|\n)""",
    re.VERBOSE | re.DOTALL,
)
_UNESCAPED = re.compile(r'\\([$`"\\\n])')
_RESERVED = frozenset(
    "if then elif else fi for while until do done case esac in select function time coproc { } ! [[ ]]".split()
)


class TooLong(Exception):
    """The text is longer than the budget allows."""


@dataclass(slots=True)
class Budget:
    """Characters that may still be read, and steps that were taken so far."""

    left: int = LONGEST
    steps: int = 0

    def spend(self, text: str) -> None:
        """Raises TooLong."""
        self.left -= len(text)
        if self.left < 0:
            raise TooLong


@dataclass(slots=True)
class Word:
    """A word without its quotes. `glob`: an unquoted pattern, which stands for names of files."""

    text: str
    glob: bool = False


@dataclass(slots=True)
class Command:
    """A simple command. `redirections`: (operator, target); `then`: the operator after it."""

    words: list[Word] = field(default_factory=list)
    redirections: list[tuple[str, Word]] = field(default_factory=list)
    then: str = ""


def read(text: str, budget: Budget) -> list[Command]:
    """Read the commands of a plain line; of any other line none. Raises TooLong."""
    budget.spend(text)
    return _Reader(text, budget).read() if visible(text) == text else []


class _Reader:
    """Builds words and commands. `parts`: pieces of the current word, None between words."""

    def __init__(self, text: str, budget: Budget) -> None:
        self.text = text
        self.budget = budget
        self.commands: list[Command] = []
        self.now = Command()
        self.parts: list[str] | None = None
        self.quoted = self.glob = False
        self.operator = ""  # a redirection that waits for its target

    def read(self) -> list[Command]:
        at = 0
        while at < len(self.text):
            self.budget.steps += 1
            token = _TOKEN.match(self.text, at)
            if token is None or not self._take(token.lastgroup, token[0]):
                return []
            at = token.end()
            if token[0] == "#" and self.parts is None:
                at = end if (end := self.text.find("\n", at)) >= 0 else len(self.text)
        done = self._end_command("") and not (self.commands and self.commands[-1].then in {"&&", "||", "|"})
        return self.commands if done else []

    def _take(self, kind: str | None, text: str) -> bool:
        """Take a token; False if the line is not plain."""
        match kind:
            case "blank":
                self._end_word()
            case "redirects":
                if not self.quoted and not self.operator and "".join(self.parts or ()).isdigit():
                    self.parts = None  # 2>: the number is no word of its own
                self._end_word()
                whole, self.operator = not self.operator, text
                return whole
            case "joins":
                return self._end_command(text)
            case "broken":  # the line goes on in the next row
                pass
            case "comment" if self.parts is None:
                pass
            case _:
                self._add(kind, text)
        return True

    def _add(self, kind: str | None, text: str) -> None:
        if self.parts is None:
            self.parts, self.quoted = [], False
        self.quoted |= kind in {"single", "double", "escaped"}
        self.glob |= kind == "glob"
        if kind == "double":
            text = _UNESCAPED.sub(lambda found: found[1].strip("\n"), text)
        self.parts.append(text[1:-1] if kind in {"single", "double"} else text[kind == "escaped" :])

    def _end_word(self) -> None:
        if self.parts is None:
            return
        text = "".join(self.parts)
        word = Word(text, self.glob and text != "[")
        self.parts, self.glob = None, False
        if self.operator:
            self.now.redirections.append((self.operator, word))
            self.operator = ""
        else:
            self.now.words.append(word)

    def _end_command(self, then: str) -> bool:
        """End the current command; False if it is incomplete or not a simple one."""
        self._end_word()
        now, self.now = self.now, Command()
        now.then = then
        if self.operator or (now.words and (now.words[0].text in _RESERVED or now.words[0].glob)):
            return False
        if now.words or now.redirections:
            self.commands.append(now)
            return True
        return then in {"", "\n"}
