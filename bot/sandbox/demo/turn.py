"""What the demo agent does with a prompt: decided by keywords in it, the same every time. Pure."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

HELP = """I am the demo agent: I take prompts like a real one, and change nothing.
Words that I obey, anywhere in a prompt:
  WAIT5     work for 5 seconds       SLOW20    answer in 20 slow words
  SHELL     ask for a permission     SHELL `git push`   ask for that one
  LIMIT     hit a usage limit        LIMIT60   one that ends after 60 s
  CRASH     leave with exit code 1   HOOK `why`   turned away by a hook
/help  /clear  /compact  /quit · Esc stops the work"""
COMMAND = "touch notes.txt"
LIMIT_SECONDS = 3600


def turned_away(prompt: str) -> str | None:
    """The words of a hook that does not let this prompt through; None for one that goes through.

    >>> turned_away("HOOK `not on fridays`")
    'not on fridays'
    """
    hook = re.search(r"\bHOOK\b(?: `([^`\n]{1,400})`)?", prompt)
    return (hook[1] or "a demo hook says no") if hook else None


class Planned(NamedTuple):
    """A tool call that wants a permission. `hook` and `dialog`: seconds until its hook is told and until its dialog
    comes up, None for never; `after`: not while the hook waits; `front`: before a dialog that stands there already;
    `subagent`: whose call it is."""

    command: str
    hook: float | None = None
    dialog: float | None = 0.0
    after: bool = False
    front: bool = False
    subagent: str = ""


class Turn(NamedTuple):
    """The course of one turn. Times in seconds."""

    think: float
    words: tuple[str, ...]
    pace: float
    calls: tuple[Planned, ...]
    limit: int
    crash: bool


def plan(prompt: str, seconds: float) -> Turn:
    """The turn for this prompt; `seconds` is how long the agent works when the prompt does not say.

    >>> plan("WAIT3 then SHELL `ls`", 2.0).calls
    (Planned(command='ls', hook=None, dialog=0.0, after=False, front=False, subagent=''),)
    """
    wait = re.search(r"\bWAIT(\d{1,4})\b", prompt)
    slow = re.search(r"\bSLOW(\d{1,3})\b", prompt)
    shell = re.search(r"\bSHELL\b(?: `([^`\n]{1,400})`)?", prompt)
    limit = re.search(r"\bLIMIT(\d{0,5})\b", prompt)
    words = tuple(f"w{index}" for index in range(int(slow[1]))) if slow else tuple(answer(prompt).split(" "))
    return Turn(
        think=float(wait[1]) if wait else seconds,
        words=words,
        pace=0.5 if slow else min(0.04, seconds / 50),
        calls=calls(prompt) or ((Planned(shell[1] or COMMAND),) if shell else ()),
        limit=int(limit[1] or LIMIT_SECONDS) if limit else 0,
        crash=re.search(r"\bCRASH\b", prompt) is not None,
    )


def calls(prompt: str) -> tuple[Planned, ...]:
    """Calls that wait side by side: CALLS and a list of the fields of `Planned` as JSON; () where that is not there."""
    asked = re.search(r"\bCALLS (?=\[)", prompt)
    try:
        given, _ = json.JSONDecoder().raw_decode(prompt, asked.end()) if asked else ([], 0)
        return tuple(Planned(**one) for one in given)
    except (ValueError, TypeError):
        return ()


def answer(prompt: str) -> str:
    """A short answer that shows that the prompt was read."""
    lines = [line.strip() for line in prompt.splitlines() if line.strip()]
    task = next((line for line in lines if not line.startswith("ref: ")), "nothing")
    task = task if len(task) <= 60 else task[:59] + "…"
    told = f"I took it: {task} ({len(lines)} line{'s' if len(lines) != 1 else ''}, {len(prompt)} characters)."
    return f"{told} As the demo agent I changed nothing."
