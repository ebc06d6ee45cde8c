"""Logging: one rotating file, one for errors, and nothing secret in either."""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024
KEEP = 5
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# A Bot API token anywhere in a text (Telegram puts it into the path of every request).
TOKEN = re.compile(r"(?<!\d)\d{6,12}:[A-Za-z0-9_-]{30,}")
SHORTEST = 6  # a shorter value is a word of everyday
# At INFO these tell of their own insides, every few seconds; what goes wrong they say louder.
CHATTY = ("aiogram", "alembic.runtime.plugins", "apscheduler", "asyncio", "httpcore", "httpx", "matplotlib", "PIL")


def without_tokens(text: str) -> str:
    """The same text with every Bot API token blanked.

    >>> without_tokens(f"https://api.telegram.org/bot123456789:{'a' * 35}/getMe")
    'https://api.telegram.org/bot[token]/getMe'
    """
    return TOKEN.sub("[token]", text)


class Redact(logging.Filter):
    """Blanks tokens and the secrets it was told of, in messages and in tracebacks."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self.secrets: tuple[str, ...] = ()
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Blank these too, from now on; the longest first, for one may be the beginning of another."""
        known = {*self.secrets, *(s for s in secrets if len(s) >= SHORTEST)}
        self.secrets = tuple(sorted(known, key=lambda s: (-len(s), s)))

    def clean(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "[secret]")
        return without_tokens(text)

    def filter(self, record: logging.LogRecord) -> bool:
        """Blank the secrets in the message, its arguments and the traceback, whichever handler comes next."""
        record.msg = self.clean(record.getMessage())
        record.args = ()
        if record.exc_info:
            record.exc_text = self.clean(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        elif record.exc_text:
            record.exc_text = self.clean(record.exc_text)
        return True


def set_up(logs: Path, *, level: str = "info", secrets: Iterable[str] = ()) -> None:
    """Write to logs/maf.log and logs/error.log; called once, by the process that runs the bot."""
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    redact = Redact(secrets)
    root = logging.getLogger()
    root.setLevel(level.upper())
    if level.lower() == "info":
        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)
    for name, at in (("maf.log", logging.NOTSET), ("error.log", logging.ERROR)):
        handler = logging.handlers.RotatingFileHandler(
            logs / name, maxBytes=MAX_BYTES, backupCount=KEEP, encoding="utf8", delay=True
        )
        handler.setLevel(at)
        handler.setFormatter(logging.Formatter(FORMAT))
        handler.addFilter(redact)
        root.addHandler(handler)


def keep_out(secrets: Iterable[str]) -> None:
    """Blank these too, in the logs that `set_up` has opened."""
    known = tuple(secrets)
    for handler in logging.getLogger().handlers:
        for one in handler.filters:
            if isinstance(one, Redact):
                one.add(known)


def log_files(logs: Path) -> list[Path]:
    """The live logs of a home: our own, and one per agent."""
    return sorted([*logs.glob("*.log"), *logs.glob("agents/*.log")])


def rotate(logs: Path, *, max_bytes: int = MAX_BYTES, keep: int = KEEP) -> list[Path]:
    """Set aside every log larger than `max_bytes` as NAME.1 (older ones count up to `keep`); returns those set aside.

    The content is copied and the file emptied in place, so a process that has it open for appending just goes on.
    """
    rotated = []
    for path in log_files(logs):
        try:
            if path.stat().st_size <= max_bytes:
                continue
            for number in range(keep, 1, -1):
                older = path.with_name(f"{path.name}.{number - 1}")
                if older.exists():
                    older.replace(path.with_name(f"{path.name}.{number}"))
            if keep:
                shutil.copyfile(path, path.with_name(f"{path.name}.1"))
            os.truncate(path, 0)
        except FileNotFoundError:
            continue
        rotated.append(path)
    return rotated


def last_lines(path: Path, count: int, *, most: int = 1024 * 1024) -> list[str]:
    """The last `count` lines of a file, looking back at most `most` bytes; none for a missing file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            block = file.read()
    except FileNotFoundError:
        return []
    lines = block.decode("utf8", "replace").splitlines()
    return lines[-count:] if count else []
