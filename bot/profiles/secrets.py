"""`.maf/secrets/PROFILE.env`: what the agents of one profile get of tokens and keys, and nobody else.

Lines as in agent.env. The folder is the owner's alone (0700) and so is each file (0600); git never takes them. What
stands in them is blanked in the logs and on the screens that are shown.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from bot import log
from bot.envfile import parse_env, read_env
from bot.errors import Refused
from bot.home import Home
from bot.profiles.config import NAME

MAX_BYTES = 64 * 1024
OTHERS = stat.S_IRWXG | stat.S_IRWXO
# A shorter value is left on a screen: it may be a word that the state of an agent is read from.
LONG_ENOUGH = 16
# Between two characters of a value on a screen: the end of a line, with a frame or an indent, and colours.
BETWEEN = r"(?:\x1b\[[0-9;:]*m|[ │┃|]*\n[ │┃|>]*)*"
TEMPLATE = """\
# Secrets of the agents of {profile}, given to them when they start and to nobody else. KEY=value; nothing is executed.
# Keep this file to yourself (chmod 600).
#CLAUDE_CODE_OAUTH_TOKEN=
#OPENAI_API_KEY=
"""


class SecretsOpen(Refused):
    """A file of secrets may be read by others."""

    code = "secrets_open"


class ProfileSecrets:
    """The secrets of one home. Blocking work on small files."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.values: frozenset[str] = frozenset()  # all that ever stood there since we look
        self._screens: dict[str, re.Pattern[str]] = {}
        for file in self.files():
            with contextlib.suppress(OSError):
                self._know(read_env(file).values())

    def path(self, profile: str) -> Path:
        return self._home.secrets / f"{profile}.env"

    def files(self) -> list[Path]:
        try:
            return sorted(self._home.secrets.glob("*.env"))
        except OSError:
            return []

    def of(self, profile: str | None) -> dict[str, str]:
        """The secrets of a profile; {} without a profile or a file.

        Raises SecretsOpen where others may read them, or we may not.
        """
        if profile is None or not NAME.fullmatch(profile):  # a name from a file may be any path
            return {}
        try:
            handle = os.open(self.path(profile), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SecretsOpen(f"{self.path(profile)} cannot be read: {error.strerror}.") from error
        try:
            self._check(self.path(profile), os.fstat(handle))
            found = parse_env(os.fsdecode(os.read(handle, MAX_BYTES)))
        finally:
            os.close(handle)
        self.keep_from_git()
        self._know(found.values())
        return found

    def names(self, profile: str) -> frozenset[str]:
        """The variables that its agents get as secrets, without their values; none where they cannot be read."""
        try:
            return frozenset(self.of(profile))
        except SecretsOpen:
            return frozenset()

    def problem(self) -> Refused | None:
        """The first file, or the folder, that others may read."""
        for file in self.files():
            try:
                self._check(file, file.stat())
            except SecretsOpen as error:
                return error
            except OSError:
                continue
        return None

    def make(self, profile: str) -> Path:
        """A file to write the secrets of a profile into; one that is there stays as it is. Its path."""
        self.make_folder()
        path = self.path(profile)
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf8") as file:
                file.write(TEMPLATE.format(profile=profile))
        return path

    def make_folder(self) -> None:
        self._home.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.keep_from_git()

    def keep_from_git(self) -> None:
        """By a file in the folder itself: the one of a home made earlier may say anything, or be gone."""
        ignore = self._home.secrets / ".gitignore"
        with contextlib.suppress(OSError):
            if not ignore.exists():
                ignore.write_text("# No secret goes into git.\n*\n", encoding="utf8")

    def blank(self, text: str) -> str:
        """What was drawn on a screen, each secret in it as so many dots, also where it goes on in the next line."""
        for value, drawn in self._screens.items():
            if value[0] in text:
                text = drawn.sub(_dots, text)
        return text

    def _check(self, path: Path, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise SecretsOpen(
                f"{path} is no file.", hint="Make it a file of KEY=value lines, for you alone (chmod 600)."
            )
        if status.st_mode & OTHERS:
            raise SecretsOpen(f"Others may read the secrets in {path}.", hint=f"Run: chmod 600 {path}")
        if path.parent.stat().st_mode & OTHERS:
            raise SecretsOpen(f"Others may look into {path.parent}.", hint=f"Run: chmod 700 {path.parent}")

    def _know(self, values: Iterable[str]) -> None:
        new = {value for value in values if value} - self.values
        self.values |= new
        log.keep_out(new)
        for value in new:
            if len(value) >= LONG_ENOUGH:
                self._screens[value] = re.compile(BETWEEN.join(map(re.escape, value)))


def _dots(found: re.Match[str]) -> str:
    """The same length, with its ends of lines and colours."""
    return re.sub(r"(\x1b\[[0-9;:]*m)|[^\n ]", lambda part: part[1] or "•", found[0])
