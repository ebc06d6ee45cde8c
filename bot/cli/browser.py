"""Opens the chat page in the browser with its key in no command line, for every user of a machine can read those."""

from __future__ import annotations

import contextlib
import html
import webbrowser
from pathlib import Path

from bot import atomic

_PAGE = """<!doctype html>
<meta charset="utf-8"><meta name="referrer" content="no-referrer">
<title>maf</title>
<meta http-equiv="refresh" content="0; url={address}">
<p><a href="{address}">Go on to the chat page</a></p>
"""


def open_page(address: str, file: Path) -> None:
    """Write a page for the owner's eyes alone (0600) that leads on to `address`, and open that; without a browser, or
    where it cannot be written, nothing happens."""
    with contextlib.suppress(OSError, webbrowser.Error):
        atomic.write(file, _PAGE.format(address=html.escape(address)))
        webbrowser.open(file.as_uri())
