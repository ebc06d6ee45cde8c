"""What a command would do, as far as its words tell. Pure.

It informs a person who decides; it decides nothing. What it does not know counts as writing, and anything that hides
its words (a substitution, eval, a script from the network) is told as such.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

READS = frozenset(
    (
        "cat head tail less more grep rg ls ll tree find fd stat wc file du df ps env printenv pwd which type echo "
        "printf diff cmp sort uniq cut tr jq yq date whoami id uname hostname true false test [ sed awk man tldr "
        "basename dirname realpath readlink sha256sum md5sum xxd od strings nl column"
    ).split()
)
DELETES = frozenset(("rm rmdir unlink shred truncate dropdb wipefs mkfs dd").split())
NETWORK = frozenset(
    (
        "curl wget ssh scp rsync sftp ftp nc ncat telnet ping dig nslookup gh glab aws gcloud az kubectl helm "
        "docker podman terraform ansible psql mysql redis-cli mongo"
    ).split()
)
INSTALLS = frozenset(
    ("pip pip3 uv pipx npm npx pnpm yarn bun cargo go gem bundle composer apt apt-get brew dnf").split()
)
GIT_READS = frozenset(("status log diff show branch blame ls-files rev-parse describe shortlog grep remote").split())
GIT_NETWORK = frozenset(("push pull fetch clone ls-remote submodule").split())
# git words that lose work which nobody else has.
GIT_DELETES = re.compile(r"\b(reset\s+--hard|clean\s+-\w*f|branch\s+-D|push\s+.*(--force|-f\b)|stash\s+(drop|clear))")
SQL_CHANGES = re.compile(r"\b(insert|update|alter|create|grant)\b", re.I)
SQL_DELETES = re.compile(r"\b(drop|delete\s+from|truncate)\b", re.I)
HIDDEN = re.compile(r"\$\(|`|<\(|\beval\b|\bbase64\s+(-d|--decode)|\|\s*(ba|z|da)?sh\b")
OPERATORS = frozenset({"|", "||", "&&", ";", "&", "\n", "|&"})
PREFIXES = frozenset({"sudo", "env", "time", "nice", "nohup", "command", "exec", "timeout", "xargs", "stdbuf"})


@dataclass(frozen=True, slots=True)
class Risk:
    """What a command would do. `hidden`: its words do not show all of it. `outside`: paths beyond the workspace."""

    reads: bool = True
    writes: bool = False
    network: bool = False
    deletes: bool = False
    installs: bool = False
    root: bool = False
    hidden: bool = False
    outside: tuple[str, ...] = ()

    @property
    def dangerous(self) -> bool:
        """Never grouped with others, never granted by one tap for many."""
        return self.deletes or self.root or self.hidden or bool(self.outside)

    @property
    def words(self) -> str:
        """For the card: `deletes · network · runs as root`; `only reads` when that is all."""
        said = [
            word
            for word, applies in (
                ("deletes", self.deletes),
                ("changes files or data", self.writes and not self.deletes),
                ("installs", self.installs),
                ("network", self.network),
                ("runs as root", self.root),
                ("not all of it can be seen", self.hidden),
            )
            if applies
        ]
        return " · ".join(said) or "only reads"


def risk_of(command: str, *, workspace: str) -> Risk:
    """Judge a shell command line, as one would run it in `workspace` (an absolute path)."""
    hidden = bool(HIDDEN.search(command))
    try:
        words = list(_lex(command))
    except ValueError:
        return Risk(writes=True, hidden=True, outside=())
    found = Risk(hidden=hidden, outside=tuple(sorted(set(_outside(words, workspace)))))
    for part in _commands(words):
        found = _with(found, part, command)
    redirected = any(word in {">", ">>", "&>", ">|"} for word in words)
    return _merge(found, writes=redirected) if redirected else found


def edit_risk(paths: list[str], *, workspace: str, deletes: bool = False) -> Risk:
    """Judge an edit of files (Edit, Write, apply_patch)."""
    return Risk(writes=True, deletes=deletes, outside=tuple(sorted(set(_outside(paths, workspace)))))


def _lex(command: str) -> Iterator[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars=";&|<>\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    yield from lexer


def _commands(words: list[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for word in [*words, ";"]:
        if word in OPERATORS or set(word) <= set(";&|\n"):
            if part:
                yield part
            part = []
        else:
            part.append(word)


def _with(risk: Risk, words: list[str], command: str) -> Risk:
    root = False
    while words and (words[0] in PREFIXES or re.fullmatch(r"\w+=.*", words[0])):
        root = root or words[0] == "sudo"
        words = words[1:]
        while words and words[0].startswith("-"):
            words = words[1:]
    if not words:
        return _merge(risk, root=root)
    name, rest = PurePosixPath(words[0]).name, words[1:]
    if name in {"bash", "sh", "zsh", "dash"} and rest and re.match(r"-\w*c$", rest[0]) and len(rest) >= 2:
        inner = risk_of(rest[-1], workspace="/")
        return _merge(risk, **{k: getattr(inner, k) for k in ("writes", "network", "deletes", "installs")},
                      root=root or inner.root, hidden=inner.hidden)  # fmt: skip
    if name == "git":
        return _merge(risk, root=root, **_git(rest, " ".join(words)))
    deletes = name in DELETES or (name == "find" and "-delete" in rest) or bool(SQL_DELETES.search(" ".join(rest)))
    reads = name in READS and not (name == "sed" and any(w.startswith("-i") for w in rest)) and not deletes
    if name == "find" and "-exec" in rest:
        reads = False
    return _merge(
        risk,
        root=root,
        deletes=deletes,
        network=name in NETWORK,
        installs=name in INSTALLS and any(w in {"install", "add", "i", "get", "update", "upgrade"} for w in rest),
        writes=not reads,
    )


def _git(rest: list[str], line: str) -> dict[str, bool]:
    verb = next((w for w in rest if not w.startswith("-")), "")
    return {
        "deletes": bool(GIT_DELETES.search(line)),
        "network": verb in GIT_NETWORK,
        "writes": verb not in GIT_READS,
    }


def _merge(risk: Risk, **more: bool) -> Risk:
    values = {name: getattr(risk, name) or more.get(name, False) for name in
              ("writes", "network", "deletes", "installs", "root", "hidden")}  # fmt: skip
    return Risk(outside=risk.outside, **values)


def _outside(words: list[str], workspace: str) -> Iterator[str]:
    """Paths among the words that lie beyond the workspace; /dev/null and its like do not count."""
    root = PurePosixPath(workspace)
    for raw in words:
        word = raw.split("=", 1)[1] if raw.startswith("--") and "=" in raw else raw
        if word.startswith("~"):
            yield word
            continue
        if not (word.startswith(("/", "../")) or word == ".." or "/../" in word):
            continue
        if re.fullmatch(r"/dev/(null|stdin|stdout|stderr|tty)", word) or re.match(r"s?/[^/]*/[^/]*/[gimp]*$", word):
            continue
        path = _normal(root / word)
        if path != root and root not in path.parents:
            yield word


def _normal(path: PurePosixPath) -> PurePosixPath:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            if len(parts) > 1:
                parts.pop()
        elif part != ".":
            parts.append(part)
    return PurePosixPath(*parts)
