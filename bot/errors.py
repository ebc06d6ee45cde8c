"""Errors that a person reads: what happened, with what, what to do.

The docstring of a class is its default text: the place that raises stays short, the wording is found in one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Exit codes of `maf` (contract.md section 1).
DONE, REFUSED, WRONG_USAGE, NOT_CONFIRMED, DEPENDENCY = 0, 1, 2, 3, 4
MAX_NAME = 60


class MafError(Exception):
    """Something went wrong."""

    code = "error"
    exit_code = REFUSED
    hint = ""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.hint = hint or type(self).hint
        super().__init__(self.message)

    @property
    def sentence(self) -> str:
        """What happened and what to do, where there is one place for both."""
        return f"{self.message} {self.hint}".strip()

    def as_dict(self) -> dict[str, str]:
        """The shape that `--json` prints and the control socket carries: {"code","message","hint"}."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class RemoteError(MafError):
    """An error that another process of ours answered with; code and exit code are those of the original."""

    def __init__(self, message: str, *, code: str, exit_code: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.exit_code = exit_code


class Internal(MafError):
    """Something went wrong inside the bot (maf logs tail error)."""

    code = "internal"


class Refused(MafError):
    """This was refused."""

    code = "refused"


class WrongUsage(MafError):
    """The command was not understood."""

    code = "usage"
    exit_code = WRONG_USAGE


class DependencyMissing(MafError):
    """Something that is needed is missing or down."""

    code = "dependency"
    exit_code = DEPENDENCY


class WrongSetting(MafError):
    """A setting has a wrong value."""

    code = "setting"
    exit_code = WRONG_USAGE


class NotFound(MafError):
    """There is no such thing."""

    code = "not_found"

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str] = ()) -> NotFound:
        """Name the thing that is missing and the nearest ones that exist.

        >>> NotFound.of("pack", "chekout", ["shop-checkout", "general"]).message
        'No pack named chekout. Did you mean shop-checkout?'
        """
        import difflib  # both cost more than a hook, which imports this module, may take

        from bot.excerpt import clipped

        names, name = sorted(known), clipped(name, MAX_NAME)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
        if near:
            return cls(f"No {kind} named {name}. Did you mean {' or '.join(near)}?")
        if names:
            return cls(f"No {kind} named {name}.", hint=f"There are: {', '.join(names[:20])}.")
        return cls(f"No {kind} named {name}; there are none yet.")


def reason_of(problem: Mapping[str, Any]) -> str:
    """What pydantic says of one value (an entry of `ValidationError.errors()`), as it stands behind a place in a file.

    >>> reason_of({"msg": "Input should be a valid string"}), reason_of({"msg": "Value error, no such key"})
    ('should be a valid string', 'no such key')
    """
    return str(problem["msg"]).removeprefix("Value error, ").replace("Input should", "should")
