"""A shell command line, taken apart into its simple commands as bash would (POSIX.1-2024 section 2.2 to 2.9, bash 5.2).

Nothing is expanded and nothing is run: what an expansion would make of a word cannot be known here, so each word says
whether it stands as it is, and the inner text of `$(…)`, backticks and `<(…)` is given apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

_OPERATOR = re.compile(r"&&|\|\||;;&|;;|;&|\|&|&>>|&>|>>|>&|>\||<<<|<<-|<<|<&|<>|[;&|<>()\n]")
_REDIRECTIONS = frozenset(("&>>", "&>", ">>", ">&", ">|", ">", "<<<", "<<-", "<<", "<&", "<>", "<"))
_ORDINARY = re.compile(r"[^\s'\"\\$`#;&|<>()}]+")
_IN_DOUBLE = re.compile(r'[^"\\$`]+')
_NOTHING = re.compile(r"\s*\)")
_INSIDE = re.compile(r"""[()]|'[^']*'|"(?:\\.|[^"\\])*"|\\.""", re.DOTALL)
_GOES_ON = re.compile(r"(?<!\\)(\\\\)*\\$")
# "$(cat <<'EOF' …)" is how agents write a text of several lines: all of it can be seen.
_LITERAL = re.compile(r"\$\(cat <<'(\w+)'((?:\n[^\n]*)*?)\n\1\n\s*\)")
_NAME = re.compile(r"[A-Za-z_]\w*|[?#$!0-9@*-]")
_BRACES = re.compile(r"\{[^{}]*(,|\.\.)[^{}]*\}")
_PLAIN_BRACES = re.compile(r"\{\w[\w-]*(,\w[\w-]*)+\}")
# Words that only say how the commands around them follow each other.
KEYWORDS = frozenset(
    ("if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "{", "}", "time", "esac")
)


@dataclass(slots=True)
class Word:
    """`text` without its quotes; `variables`: names that are expanded in it; `sure`: nothing else in it is."""

    text: str = ""
    variables: list[str] = field(default_factory=list)
    sure: bool = True
    quoted: bool = False

    @property
    def fixed(self) -> bool:
        """It is passed on just as it stands."""
        return self.sure and not self.variables


@dataclass(slots=True)
class Simple:
    """One simple command. `redirections`: (operator, target); `fed`: a here-document; `piped`: it reads from a pipe."""

    words: list[Word] = field(default_factory=list)
    redirections: list[tuple[str, Word]] = field(default_factory=list)
    fed: str | None = None
    piped: bool = False


@dataclass(slots=True)
class Line:
    """All simple commands of a line, the texts of its substitutions, and whether a function is defined in it."""

    commands: list[Simple] = field(default_factory=list)
    inner: list[str] = field(default_factory=list)
    defines: bool = False


def read(text: str) -> Line:
    """Take a command line apart. Raises ValueError for a quote or bracket that is never closed."""
    return _Reader(text).read()


@dataclass(slots=True)
class _Document:
    """A here-document that begins on the next row. `literal`: nothing is expanded in it; `tabs`: its rows may begin
    with some."""

    command: Simple
    mark: str
    literal: bool
    tabs: bool


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = Line()
        self.now = Simple()
        self.word: Word | None = None
        self.operator = ""  # a redirection that waits for its target
        self.documents: list[_Document] = []

    def read(self) -> Line:
        """The whole text. Raises ValueError for a quote or bracket that is never closed."""
        steps: dict[str, Callable[[], None]] = {
            "'": self._single,
            '"': self._double,
            "\\": self._escaped,
            "$": self._dollar,
            "`": self._backticks,
        }
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in steps:
                steps[char]()
            elif char in " \t":
                self.at += 1
                self._end_word()
            elif char == "#" and self.word is None:
                self.at = self._find("\n", or_end=True)
            elif match := _OPERATOR.match(self.text, self.at):
                self._operate(match[0])
            else:
                self._run(_ORDINARY)
        self._end_command()
        return self.line

    def _run(self, ordinary: re.Pattern[str], *, quoted: bool = False) -> None:
        """Characters that mean only themselves, as many as come together."""
        match = ordinary.match(self.text, self.at)
        found = match[0] if match else self.text[self.at]
        self._add(found, quoted=quoted)
        self.at += len(found)

    def _operate(self, operator: str) -> None:
        start, self.at = self.at, self.at + len(operator)
        if operator in ("<", ">") and self.text[self.at : self.at + 1] == "(":
            self._substitute(self.at + 1)  # <(…) and >(…) stand for the name of a pipe
            return
        glued = self.word is not None and self.word.text.isdigit() and not self.word.quoted
        if operator in _REDIRECTIONS:
            if glued:
                self.word = None  # 2>: the number is no word of its own
            self._end_word()
            self.operator = operator
            return
        if operator == "(" and (self.word is not None or self.now.words) and self.text[start - 1] not in " \t":
            self.line.defines = True
        if operator == "(" and _NOTHING.match(self.text, self.at):
            self.line.defines = True
        self._end_command(piped=operator in ("|", "|&"))
        if operator == "\n":
            self._documents()

    def _documents(self) -> None:
        """The here-documents that begin on the next line."""
        for document in self.documents:
            body: list[str] = []
            while self.at < len(self.text):
                row = self._row()
                while not document.literal and _GOES_ON.search(row) and self.at < len(self.text):
                    row = row[:-1] + self._row()
                if (row.lstrip("\t") if document.tabs else row) == document.mark:
                    break
                body.append(row)
            document.command.fed = "\n".join(body)
            if not document.literal and re.search(r"[$`]", document.command.fed):
                self.line.inner.append(document.command.fed)
        self.documents = []

    def _row(self) -> str:
        """The rest of this row; the next one is where we stand then."""
        end = self._find("\n", or_end=True)
        row, self.at = self.text[self.at : end], end + 1
        return row

    def _single(self) -> None:
        end = self._find("'", self.at + 1)
        self._add(self.text[self.at + 1 : end], quoted=True)
        self.at = end + 1

    def _double(self) -> None:
        self.at += 1
        self._add("", quoted=True)
        while self.text[self.at : self.at + 1] != '"':
            char = self.text[self.at : self.at + 1]
            if not char:
                raise ValueError('a " is never closed')
            if char == "$":
                self._dollar(quoted=True)
            elif char == "`":
                self._backticks()
            elif char == "\\" and self.text[self.at + 1 : self.at + 2] in {"$", "`", '"', "\\", "\n"}:
                self._escaped()
            else:
                self._run(_IN_DOUBLE, quoted=True)
        self.at += 1

    def _escaped(self) -> None:
        after = self.text[self.at + 1 : self.at + 2]
        if after != "\n":  # else the line goes on in the next row
            self._add(after, quoted=True)
        self.at += 2

    def _dollar(self, *, quoted: bool = False) -> None:
        after = self.text[self.at + 1 : self.at + 2]
        if quoted and (match := _LITERAL.match(self.text, self.at)) and match[1] not in match[2].splitlines():
            self._add(match[2][1:], quoted=True)
            self.at = match.end()
        elif after == "(":
            self._substitute(self.at + 2)
        elif after == "{":
            end = self._find("}", self.at + 2)
            name = self.text[self.at + 2 : end]
            self._expand(name if _NAME.fullmatch(name) else None)
            self.at = end + 1
        elif after == "'" and not quoted:  # $'\x72m' spells anything
            self._expand(None)
            self.at = self._find("'", self.at + 2) + 1
        elif match := _NAME.match(self.text, self.at + 1):
            self._expand(match[0])
            self.at = match.end()
        else:
            self._add("$", quoted=quoted)
            self.at += 1

    def _expand(self, name: str | None) -> None:
        word = self._add("" if name is None else f"${name}")
        if name is None:
            word.sure = False
        else:
            word.variables.append(name)

    def _backticks(self) -> None:
        end = self._find("`", self.at + 1)
        self.line.inner.append(self.text[self.at + 1 : end])
        self._expand(None)
        self.at = end + 1

    def _substitute(self, start: int) -> None:
        """Up to the bracket that closes the one before `start`; quotes inside are taken as they come."""
        depth, at = 1, start
        while depth:
            match = _INSIDE.search(self.text, at)
            if match is None:
                raise ValueError("a bracket is never closed")
            depth += {"(": 1, ")": -1}.get(match[0], 0)
            at = match.end()
        self.line.inner.append(self.text[start : at - 1])
        self._expand(None)
        self.at = at

    def _add(self, text: str, *, quoted: bool = False) -> Word:
        word = self.word = self.word or Word()
        word.text += text
        word.quoted = word.quoted or quoted
        if not quoted and text == "}" and (match := _BRACES.search(word.text)):
            word.sure = word.sure and _PLAIN_BRACES.fullmatch(match[0]) is not None
        return word

    def _end_word(self) -> None:
        word, self.word = self.word, None
        if word is None:
            return
        if not self.operator:
            self.now.words.append(word)
            return
        self.now.redirections.append((self.operator, word))
        if self.operator in ("<<", "<<-"):
            self.documents.append(_Document(self.now, word.text, word.quoted, tabs=self.operator == "<<-"))
        elif self.operator == "<<<":
            self.now.fed = word.text
        self.operator = ""

    def _end_command(self, *, piped: bool = False) -> None:
        self._end_word()
        self.operator = ""
        if self.now.words or self.now.redirections:
            self.line.commands.append(self.now)
        self.now = Simple(piped=piped)

    def _find(self, what: str, start: int | None = None, *, or_end: bool = False) -> int:
        found = self.text.find(what, self.at if start is None else start)
        if found >= 0:
            return found
        if or_end:
            return len(self.text)
        raise ValueError(f"a {what} is never closed")
