"""Grammars of the arguments of programs: a line of text each, and the reading of arguments by it. Pure.

A grammar names every argument that is understood. All others are not, abbreviated long options among them. Its words:

    -abc        options without a value, which may be joined: -a, -cb
    -n:KIND     one with a value: -n5, -n 5, and at the end of joined ones
    -M?KIND     one whose value, if any, is joined to it
    --long      --long=KIND: --long=5 or --long 5      --long?KIND: --long or --long=5
    -#          a number: -20
    KIND        one argument, in this order     KIND?  may be left out     KIND*  any number of them
    KIND!e,exp  one argument, unless one of these options was given
    +WORD       the argument WORD, wherever it stands
    %all        paths are read with all that is below them      %all:r,recursive  where one of these options is given
    %follow     the same, and links below them are followed
    %first      options stand before the arguments: after one they would be arguments, too
    %attached   long options take their value only after =
    %words      an option is a whole word: -name PATTERN (to be said first)

The kinds are those of kinds.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from bot.agents.permissions.risk.kinds import KINDS
from bot.agents.permissions.risk.model import Named, Use
from bot.agents.permissions.risk.reader import Word


@dataclass(slots=True)
class Grammar:
    """A parsed grammar. `reads`: "all" or "follow", of every path, if an option of `where` is given or it is empty."""

    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    joined: dict[str, str] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    arguments: list[str] = field(default_factory=list)
    reads: str = ""
    where: set[str] = field(default_factory=set)
    first: bool = False
    attached: bool = False
    whole: bool = False


@cache
def grammar(line: str) -> Grammar:
    """Parse a grammar."""
    found = Grammar()
    for token in line.split():
        if token.startswith("%"):
            name, _, options = token[1:].partition(":")
            found.first |= name == "first"
            found.attached |= name == "attached"
            found.whole |= name == "words"
            if name in {"all", "follow"}:
                found.reads, found.where = name, set(filter(None, options.split(",")))
        elif token.startswith("+"):
            found.words.add(token[1:])
        elif not token.startswith("-"):
            found.arguments.append(token)
        elif option := re.fullmatch(r"--?([\w-]+?)([=:?])(\w)", token):
            (found.joined if option[2] == "?" else found.values)[option[1]] = option[3]
        elif token.startswith("--") or found.whole:
            found.flags.add(token.lstrip("-"))
        else:
            found.flags.update(token[1:])
    return found


def understood(line: str, words: Sequence[Word]) -> list[Named] | None:
    """List the paths among the arguments of a program; None if an argument is not understood."""
    return _Arguments(grammar(line), words).read()


class _Arguments:
    def __init__(self, told: Grammar, words: Sequence[Word]) -> None:
        self.told = told
        self.rest = list(reversed(words))
        self.given: set[str] = set()
        self.operands: list[Word] = []
        self.found: list[Named] = []

    def read(self) -> list[Named] | None:
        ended = False
        while self.rest:
            word = self.rest.pop()
            text = word.text
            if text in self.told.words and not ended:
                continue
            if ended or text == "-" or not text.startswith("-"):
                self.operands.append(word)
            elif text == "--" and not self.told.whole:
                ended = True
            elif word.glob or (self.operands and self.told.first) or not self._option(text):
                return None
        return self.found if self._operands() else None

    def _option(self, text: str) -> bool:
        told = self.told
        if told.whole or text.startswith("--"):
            name, sign, value = (text[1:], "", "") if told.whole else text[2:].partition("=")
            return self._named(name, value if sign else None)
        if "#" in told.flags and text[1:].isdigit():
            return True
        for at, letter in enumerate(text[1:], 2):
            self.given.add(letter)
            if letter in told.values:
                return self._value(told.values[letter], text[at:] or None)
            if letter in told.joined:
                return not text[at:] or self._fits(told.joined[letter], text[at:])
            if letter not in told.flags or letter == "#":
                return False
        return True

    def _named(self, name: str, value: str | None) -> bool:
        """Take a long option; `value` is what follows its =, if it has one."""
        told = self.told
        self.given.add(name)
        if name in told.joined:
            return value is None or self._fits(told.joined[name], value)
        if name in told.values:
            return not (value is None and told.attached) and self._value(told.values[name], value)
        return name in told.flags and value is None

    def _value(self, kind: str, value: str | None) -> bool:
        """Take the value of an option: `value`, or else the next word."""
        if value is None:
            if not self.rest or self.rest[-1].glob:
                return False
            if self.rest[-1].text.startswith("-") and kind != "n" and not self.told.whole:
                return False  # some versions of some programs would take it for an option
            value = self.rest.pop().text
        return self._fits(kind, value)

    def _fits(self, kind: str, text: str) -> bool:
        if kind in "pr":
            self.found.append(Named(text))
        return KINDS[kind](text)

    def _operands(self) -> bool:
        operands, use = list(reversed(self.operands)), self._use()
        for argument in self.told.arguments:
            kind, sign, options = argument[0], argument[1:2], argument[2:]
            if sign == "!" and self.given & set(options.split(",")):
                continue
            if not operands and sign in {"", "!"}:
                return False
            while operands:
                word = operands.pop()
                if word.glob and (sign != "*" or kind not in "pr" or word.text[0] in "*?[" or "**" in word.text):
                    return False
                if kind in "pr":
                    self.found.append(Named(word.text, use))
                if not KINDS[kind](word.text):
                    return False
                if sign != "*":
                    break
        if use and not any(one.use for one in self.found):
            self.found.append(Named(".", use))
        return not operands

    def _use(self) -> Use:
        told = self.told
        if not told.reads or (told.where and not told.where & self.given):
            return ""
        return "follow" if told.reads == "follow" else "all"
