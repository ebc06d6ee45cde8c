"""A plain shell as an agent: it has no prompts, only commands."""

from __future__ import annotations

from bot.clis.base import Cli
from bot.clis.entry import Neutral


class Shell(Cli):
    """bash, or the person's $SHELL given by `extra`."""

    kind = "shell"
    binary = "bash"
    install = "Install bash with your package manager."
    process_names = frozenset({"bash", "sh", "zsh", "fish", "dash"})
    interrupt_keys = ("C-c",)
    leaves_on = "exit"
    takes_prompts = False

    def resuming(self, conversation: str) -> tuple[str, ...]:
        return ()

    def neutralise(self, text: str, *, raw: bool) -> Neutral:
        if raw:
            return Neutral(text)
        return Neutral(
            text, refused="This is a shell: the text would run as commands. With --raw it is typed as it is."
        )

    def typed_command(self, text: str) -> bool:
        return True
