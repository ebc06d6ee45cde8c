"""What a loop of the bot says when it fails: once, however often it tries again, and once more when it works again."""

from __future__ import annotations

import logging

from bot.store.errors import trouble


class Complaint:
    """One for each loop; `what` begins its lines.

    A loop never ends because of what one turn met: whoever catches everything there hands it to `say`.
    """

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log = log
        self._what = what
        self._said = ""

    def say(self, error: Exception) -> None:
        """It failed with this. What is wrong outside of us is a line; a fault of ours has its traceback."""
        known = trouble(error)
        if known is not None or isinstance(error, OSError):
            self.warn(known.message if known is not None else str(error))
        elif self._is_news(f"{type(error).__name__}: {error}"):
            self._log.error("%s", self._what, exc_info=error)

    def warn(self, why: str) -> None:
        """It failed, for a reason that needs no traceback."""
        if self._is_news(why):
            self._log.warning("%s: %s", self._what, why)

    def over(self) -> None:
        """It works."""
        if self._said:
            self._log.info("%s: that is over", self._what)
        self._said = ""

    def _is_news(self, why: str) -> bool:
        before, self._said = self._said, why
        return why != before
