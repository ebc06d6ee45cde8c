"""The `maf` command. What must feel instant is handed out here, before anything else is imported."""

from __future__ import annotations

import gc
import sys


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code (contract.md section 1)."""
    words = sys.argv[1:] if argv is None else argv
    if words in (["--help"], ["-h"], ["--version"]):
        from bot import __version__
        from bot.cli import menu

        sys.stdout.write(f"maf {__version__}\n" if words == ["--version"] else menu.text())
        return 0
    if words == ["hook"]:
        from bot.cli import hook

        return hook.run()
    if words == ["hook", "statusline"]:
        from bot.cli import statusline

        return statusline.run()
    if words == ["quota", "line"]:
        from bot.cli import quota_line

        return quota_line.run()
    if words[:1] in (["run"], ["up"]):
        # What is imported at a start is never garbage, and looking for some takes a fifth of the time. App.run turns
        # the collector on again.
        gc.disable()
    from bot.cli import root

    return root.run(words)
