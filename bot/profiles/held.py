"""A configuration file that a person may edit at any time.

It is read again when it changed. While it does not fit the last good one stays in force, also after a restart: a copy
of it is kept among the files of the running bot.
"""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Generic

from pydantic import ValidationError

from bot import atomic
from bot.profiles.config import ConfigError, Model, load

log = logging.getLogger(__name__)


class Held(Generic[Model]):
    """What is in force of one file. `problem` says why that is not what stands there, `stays` what is instead."""

    def __init__(self, model: type[Model], path: Path, copy: Path) -> None:
        self.path = path
        self.problem: ConfigError | None = None
        self.stays = ""
        self._model = model
        self._copy = copy
        self._value: Model | None = None
        self._stamp: tuple[int, int, int] | None = None

    @property
    def changed(self) -> bool:
        """Whether the file is another one than when it was read."""
        return self._value is None or _stamp(self.path) != self._stamp

    def value(self) -> Model:
        """The configuration in force: the file's, else the last good one, else the defaults."""
        if self._value is not None and not self.changed:
            return self._value
        self._stamp = _stamp(self.path)
        try:
            self._value, self.problem = load(self._model, self.path), None
            self._keep(self._value)
        except ConfigError as error:
            self.problem = error
            good = self._kept() if self._value is None else self._value
            self.stays = "The last good one stays in force." if good else "There is no earlier one that fits."
            self._value = good or self._model()
            log.warning("%s. %s", error.message.rstrip("."), self.stays)
        return self._value

    def read_again(self) -> None:
        """It was written just now, perhaps within the same tick of the file system's clock."""
        self._stamp = None

    def _kept(self) -> Model | None:
        try:
            return self._model.model_validate_json(self._copy.read_bytes())
        except (OSError, ValidationError):
            return None

    def _keep(self, value: Model) -> None:
        """Where no home was made yet nothing is kept; a failure costs only the copy."""
        text = value.model_dump_json(exclude_unset=True, indent=2)
        with contextlib.suppress(OSError):
            if not self._copy.parent.parent.is_dir() or (self._copy.is_file() and self._copy.read_text("utf8") == text):
                return
            self._copy.parent.mkdir(mode=0o700, exist_ok=True)
            atomic.write(self._copy, text)  # for the owner alone: environments hold tokens


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
