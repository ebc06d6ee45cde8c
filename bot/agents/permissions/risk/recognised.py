"""Recognising effects in a command line that is not proven to read, by programs and the words with them. Pure.

They are added to "may do anything", which stays true whatever is missed here. So the line is split only roughly, and a
word in a sentence may be taken for a command.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

from bot.agents.permissions.risk.model import Effect, Named, Risk
from bot.agents.permissions.risk.places import NOWHERE, leaves, loaded, secret, told, within
from bot.agents.permissions.risk.reader import Budget, TooLong
from bot.excerpt import visible

_MOST_WORDS = 1_000  # different ones, and paths among them, that are looked at
_MOST_NAMED = 200

# By a program and one of the words with it: one that ends in * may go on, * is any, and - is none at all.
_SIGNS = [
    ("rm rmdir unlink shred truncate srm trash dropdb wipefs mkfs fdisk sfdisk parted dd", Effect.DELETES, "*"),
    ("git", Effect.DELETES, "clean checkout restore rm --hard drop clear prune -D -d -f --force* --delete --mirror"),
    ("git", Effect.DELETES, "filter-branch filter-repo expire read-tree --discard-changes"),
    ("rsync", Effect.DELETES, "--del* --remove*"),
    ("find", Effect.DELETES, "-delete"),
    ("gpg pass security ssh-add ssh-keygen printenv", Effect.CREDENTIALS, "*"),
    ("env set export", Effect.CREDENTIALS, "-"),
    ("maf", Effect.MAF, "*"),
    ("git", Effect.GIT, "config"),
    ("git", Effect.PUBLISHES, "push send-pack send-email"),
    ("npm pnpm yarn bun cargo gem poetry uv flit vsce lerna mvn gradle", Effect.PUBLISHES, "publish deploy release"),
    ("docker podman helm", Effect.PUBLISHES, "push"),
    ("gh glab hub", Effect.PUBLISHES, "create merge comment close edit upload release api review"),
    ("vercel netlify heroku flyctl firebase gcloud wrangler", Effect.PUBLISHES, "deploy push --prod"),
    ("aws gsutil s3cmd rclone az", Effect.PUBLISHES, "cp sync mv put copy"),
    ("curl wget http xh", Effect.PUBLISHES, "-d* --data* -F* --form* -T --upload* --post* --json* POST PUT PATCH"),
    ("curl", Effect.PUBLISHES, "-XPOST -XPUT -XPATCH -XDELETE"),
    ("scp sftp ftp lftp twine sendmail mail", Effect.PUBLISHES, "*"),
    ("sudo doas pkexec su", Effect.ROOT, "*"),
    ("kill pkill killall shutdown reboot halt poweroff systemctl service launchctl crontab at", Effect.MACHINE, "*"),
    ("mount umount useradd userdel usermod passwd chroot iptables sysctl modprobe tmux screen", Effect.MACHINE, "*"),
    ("eval source alias trap nc ncat netcat socat xargs parallel", Effect.HIDDEN, "*"),
    ("python python3 node ruby perl php osascript", Effect.HIDDEN, "-c -e -r -p --eval --print -"),
    ("sh bash zsh dash ksh fish", Effect.HIDDEN, "-s -"),
    ("git", Effect.HIDDEN, "-c --upload-pack* --receive-pack* --exec* -x --ext-diff foreach run difftool mergetool"),
    ("tar", Effect.HIDDEN, "--checkpoint-action* --to-command* -I --use-compress-program* --rmt* --rsh*"),
    ("split", Effect.HIDDEN, "--filter*"),
    ("npx uvx pipx bunx", Effect.INSTALLS, "*"),
    ("pip pip3 uv poetry npm pnpm yarn bun cargo go gem bundle", Effect.INSTALLS, "install add i ci get update"),
    ("apt apt-get brew dnf yum pacman apk conda nix", Effect.INSTALLS, "install add upgrade update -S"),
    ("git", Effect.NETWORK, "push pull fetch clone ls-remote submodule"),
    ("curl wget http xh ssh scp rsync sftp ftp lftp nc ncat netcat socat telnet ping dig", Effect.NETWORK, "*"),
    ("nslookup host whois nmap gh glab hub aws gcloud gsutil az s3cmd rclone kubectl docker", Effect.NETWORK, "*"),
    ("terraform ansible pulumi vercel netlify heroku flyctl psql mysql mariadb redis-cli mongosh", Effect.NETWORK, "*"),
    ("twine mail sendmail", Effect.NETWORK, "*"),
    ("cp mv mkdir touch tee ln chmod chown chgrp patch tar zip unzip gzip gunzip xz split mktemp", Effect.CHANGES, "*"),
    ("sed perl ruby", Effect.CHANGES, "-i* --in-place* -pi*"),
    ("sort", Effect.CHANGES, "-o* --output*"),
    ("find", Effect.CHANGES, "-fprint* -fls"),
    ("git", Effect.CHANGES, "commit add merge rebase revert cherry-pick apply stash reset switch tag branch mv"),
]  # fmt: skip
_BY_NAME: dict[str, list[tuple[Effect, list[str]]]] = {}
for _names_told, _effect, _words_told in _SIGNS:
    for _name in _names_told.split():
        _BY_NAME.setdefault(_name, []).append((_effect, _words_told.split()))
# Words that delete, in the languages of many tools (kubectl delete, aws s3 rb, DROP TABLE, shutil.rmtree).
_DELETING = re.compile(
    r"(?:--?)?(?:delete|destroy|rmi|rb|prune|purge|remove|uninstall|drop|wipe|erase|terminate|flushall|flushdb|unpublish"
    r"|truncate|remove-files)(?:-\w+)?|\w+-(?:delete|destroy|purge|rm)"
    r"|.*\b(?:rmtree|unlink|unlinkSync|rmSync|rmdirSync|os\.remove|fs\.rm|File\.delete|FileUtils\.rm\w*)",
    re.IGNORECASE,
)
# What stands before a program; and programs that start another, or run what a word of theirs says.
_BEFORE = re.compile(r"\w+(?:\[[^]]*\])?\+?=|(?:if|then|elif|else|while|until|do|time|!)$")
_STARTERS = frozenset(
    (
        "sudo doas pkexec su env nice ionice nohup setsid command builtin exec timeout stdbuf busybox xargs find fd "
        "watch eval trap script flock parallel ssh docker podman kubectl bash sh zsh dash ksh fish psql mysql sqlite3 "
        "python python3 node ruby perl php osascript"
    ).split()
)

# A piece of a word, what ends a command, a redirection, white space.
_PIECE = re.compile(
    r"""(?P<piece>'[^']*'|"(?:[^"\\]|\\.)*+"|\\.|[^\s;&|()`{}<>'"\\]++|['"\\])
    |(?P<ends>[;&|()`{}\n])|(?P<redirects>[<>]+[&|]?)|\s""",
    re.VERBOSE | re.DOTALL,
)
_DOCUMENT = re.compile(r"<<-?[ \t]*['\"\\]?(\w+)")
_EXPANDS = re.compile(r"\$|[<>]\(|`")


def recognised(text: str, workspace: str, folder: str, budget: Budget) -> Risk:
    """Name the effects and places that stand out in a line."""
    effects: set[Effect] = set()
    words: dict[str, None] = {}
    waiting = [text]
    while waiting:
        line, fed = _without_documents(waiting.pop())
        if visible(line) != line or _EXPANDS.search(re.sub(r"'[^']*'", "", line)):
            effects.add(Effect.HIDDEN)
        for command in _commands(line):
            budget.steps += 1 + len(command)
            names = _names(command)
            effects |= _of(names, command)
            words |= dict.fromkeys(word for word in command if not re.search(r"\s", word))
            if names & _STARTERS or "$(" in "".join(command):
                fed += [word for word in command if re.search(r"\s", word)]
        try:
            for inner in fed:
                budget.spend(inner)
                waiting.append(inner)
        except TooLong:
            effects.add(Effect.NOT_JUDGED)
    return _placed(list(words)[:_MOST_WORDS], effects, workspace, folder)


def _placed(words: Sequence[str], effects: set[Effect], workspace: str, folder: str) -> Risk:
    """Add what the words say of places."""
    pieces = list(islice((piece for word in words for piece in _pieces(word)), _MOST_WORDS))
    if folder and leaves(folder, workspace):  # then every word would be, and that says less than the folder
        pieces = [piece for piece in pieces if piece.startswith(("/", "~", "$HOME"))]
    paths = dict.fromkeys([*([folder] if folder else []), *(within(folder, piece) for piece in pieces)])
    outside = {path for path in paths if leaves(path, workspace)}
    for path in (told(path, workspace) for path in paths):
        effects |= loaded(path) | ({Effect.CREDENTIALS} if secret(path) else set())
    named = tuple(Named(path) for path in paths if path not in outside)
    return Risk(effects=frozenset(effects), outside=tuple(sorted(outside)), named=named[:_MOST_NAMED])


def _of(names: set[str], command: Sequence[str]) -> set[Effect]:
    """Name the effects of a simple command with these programs in it."""
    told = "\n".join(("", *command, ""))
    effects = {
        effect
        for name in names & _BY_NAME.keys()
        for effect, wanted in _BY_NAME[name]
        if any(_stands(one, told) for one in wanted)
    }
    if any(_DELETING.fullmatch(word) for word in command):
        effects.add(Effect.DELETES)
    if any(one in {">", ">>", ">|"} and not NOWHERE.fullmatch(target) for one, target in pairwise(command)):
        effects.add(Effect.CHANGES)
    return effects


def _stands(wanted: str, told: str) -> bool:
    """Find a wanted word (see _SIGNS) among words that are `told` one a line."""
    if wanted == "-":
        return told.count("\n") == 2 or "\n-\n" in told
    return f"\n{wanted[:-1]}" in told if wanted.endswith("*") else f"\n{wanted}\n" in told


def _names(command: Sequence[str]) -> set[str]:
    """Name the program of a command; all its words if the program starts another one (sudo rm)."""
    names = [posixpath.basename(word).lower() for word in command if not _BEFORE.match(word)]
    return set(names if names and names[0] in _STARTERS else names[:1])


def _commands(line: str) -> Iterator[list[str]]:
    """Split a line into commands: words without quotes, redirections among them."""
    words: list[str] = []
    parts: list[str] = []
    for match in _PIECE.finditer(f"{line}\n"):
        if piece := match["piece"]:
            parts.append(piece[1:-1] if len(piece) > 1 and piece[0] in "'\"" else piece.removeprefix("\\"))
            continue
        if parts:
            words.append("".join(parts))
            parts = []
        if match["ends"] and words:
            yield words
            words = []
        elif match["redirects"]:
            words.append(match["redirects"])


def _without_documents(text: str) -> tuple[str, list[str]]:
    """(the line without its here-documents, rows of documents that a program may run)."""
    rows: list[str] = []
    fed: list[str] = []
    marks: list[str] = []
    runs = False
    for row in text.split("\n"):
        if not marks:
            rows.append(row)
            marks, runs = _DOCUMENT.findall(row), not _STARTERS.isdisjoint(re.split(r"[^\w-]+", row))
        elif row.strip() == marks[0]:
            marks.pop(0)
        elif runs:
            fed.append(row)
    return "\n".join(rows), fed


def _pieces(text: str) -> Iterator[str]:
    """List the parts of a word that may be a path: `--out=/x`, `-C/x`, `host:/x`. A network address has none."""
    if re.match(r"(?!file:)[a-z][a-z0-9+.-]*://", text, re.IGNORECASE):
        return
    parts = [text, *re.split(r"[=:,@]", text)[1:], *([text[2:]] if re.match(r"-\w.", text) else [])]
    yield from (part for part in parts if part and not NOWHERE.fullmatch(part))
