"""The agent CLIs, by the kind of their agents; bot/clis/base.py says what each can be asked."""

from __future__ import annotations

from bot.clis.base import Cli
from bot.clis.claude.cli import Claude
from bot.clis.codex.cli import Codex
from bot.clis.demo.cli import Demo
from bot.clis.shell import Shell
from bot.errors import NotFound

_CLIS: dict[str, Cli] = {cli.kind: cli for cli in (Codex(), Claude(), Demo(), Shell())}
KINDS = tuple(_CLIS)


def cli_for(kind: str) -> Cli:
    """The CLI of an agent's kind. Raises NotFound."""
    try:
        return _CLIS[kind]
    except KeyError:
        raise NotFound.of("kind of agent", kind, KINDS) from None
