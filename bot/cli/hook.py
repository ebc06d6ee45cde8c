"""`maf hook`: called by the agents' own hooks, hundreds of times an hour, with the event as JSON on stdin.

It must be quick and must never get in the agent's way: outside our agents it does nothing, it always exits 0, and it
prints only what the bot answers (a decision on a permission). With no bot the event goes to the spool, for the bot to
read when it starts.
"""

from __future__ import annotations

import os
import sys

MAX_INPUT = 10 * 1024 * 1024
RAW_KEPT = 64 * 1024
ANSWER_TIMEOUT_S = 5.0
# A permission waits for a person; the CLI's own hook timeout ends it much earlier than this.
PERMISSION_TIMEOUT_S = 24 * 3600.0


def run() -> int:
    """Read the hook's JSON from stdin, hand it on, print the answer if there is one. Always 0: a CLI takes another
    exit code for a refusal (Codex 0.169.0: 2 denies). Without MAF_AGENT it is no agent of ours, and nothing happens.
    """
    agent, home = os.environ.get("MAF_AGENT", ""), os.environ.get("MAF_HOME", "")
    if not agent or not home:
        return 0
    import json

    from bot.foreign import read_json

    raw = read_all()
    try:
        payload = read_json(raw)
    except ValueError:  # no JSON, or nested deeper than anybody would
        payload = None
    event = _event(agent, payload, raw)
    answer = _deliver(home, event)
    if answer is not None:
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    return 0


def read_all() -> bytes:
    """At most MAX_INPUT bytes; the rest is read and dropped, for a closed pipe would be an error in the CLI."""
    stream = sys.stdin.buffer
    raw = stream.read(MAX_INPUT)
    while stream.read(1024 * 1024):
        pass
    return raw


def _event(agent: str, payload: object, raw: bytes) -> dict[str, object]:
    """{"agent", "at" (unix seconds), "payload": object|null, "raw": text that was no JSON object,
    else ""}
    """
    import time

    known = isinstance(payload, dict)
    return {
        "agent": agent,
        "at": time.time(),
        "payload": payload if known else None,
        "raw": "" if known else raw[:RAW_KEPT].decode("utf8", "replace"),
    }


def _deliver(home: str, event: dict[str, object]) -> object:
    from bot.errors import MafError
    from bot.remote import client, spool

    payload = event["payload"]
    asks = isinstance(payload, dict) and payload.get("hook_event_name") == "PermissionRequest"
    try:
        timeout = PERMISSION_TIMEOUT_S if asks else ANSWER_TIMEOUT_S
        return client.tell_hook(f"{home}/run/maf.sock", event, timeout=timeout)
    except MafError:
        try:
            spool.append(f"{home}/run/hooks.spool", event)
        except OSError:
            # No home, no disk: nothing that the agent's CLI should hear of.
            return None
    return None
