"""What is done to panes, over the control connection: look, paste, press keys. A pane is named by its bare id (`%7`).

Every paste and every key goes through a guard that tmux evaluates in the same step: tmux 3.3a dies of a paste into a
dead pane, a pane in copy mode or with its input off swallows the text, and on a missing pane `if-shell` would take the
wrong branch.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.tmux.control import ControlClient, Reply, Script, quote
from bot.tmux.screen import Screen
from bot.tmux.server import KEEP_ALIVE

__all__ = ["PaneFacts", "Panes", "PasteResult", "Screen"]

_PANE = re.compile(r"%\d+\Z")
_NAME = re.compile(r"[A-Za-z0-9_.@-]+\Z")
_OTHER = re.compile(r"[^A-Za-z0-9 _/=<>@~!:&-]")  # what means something in a pattern, a format or a command of tmux

# Tabs cannot stand in a session or window name (tmux escapes them); the title may hold one, so it comes last.
_FIELDS = (
    *("pane_id", "session_name", "window_name", "pane_dead", "pane_in_mode", "pane_input_off", "pane_pid"),
    *("pane_width", "pane_height", "cursor_x", "cursor_y", "alternate_on", "pane_tty", "history_size"),
    *("session_attached", "window_activity", "pane_title"),
)
# A title that nobody set is the name of the machine; it says nothing of what runs in the pane.
_SET_TITLE = "#{?#{==:#{pane_title},#{host}},,#{pane_title}}"
_FORMAT = "\t".join(_SET_TITLE if name == "pane_title" else f"#{{{name}}}" for name in _FIELDS)
_LIST = f"list-panes -a -F {quote(_FORMAT)}"


@dataclass(frozen=True, slots=True)
class PaneFacts:
    """What tmux knows of one pane. `window` is the window's name; sizes are cells.

    `history` is the number of lines above the screen; `attached` counts the clients that look at the session.
    `activity` is the second (Unix time) in which the window last printed something. `title` is empty until set.
    """

    pane: str
    session: str
    window: str
    dead: bool
    in_mode: bool
    input_off: bool
    pid: int
    width: int
    height: int
    cursor_x: int
    cursor_y: int
    alternate: bool
    tty: str
    history: int
    attached: int
    activity: int
    title: str


@dataclass(frozen=True, slots=True)
class PasteResult:
    """Whether the text went into the pane; else why not: "dead", "mode", "input off", "gone", "changed", or tmux's own
    words."""

    ok: bool
    why: str = ""


def parse_facts(line: str) -> PaneFacts | None:
    """One line of the list; None for a line that is not of our format (a pane that went while tmux listed it)."""
    values = line.split("\t", len(_FIELDS) - 1)
    if len(values) != len(_FIELDS):
        return None
    f = dict(zip(_FIELDS, values, strict=True))

    def number(name: str) -> int:
        return int(f[name]) if f[name].isdecimal() else 0

    return PaneFacts(
        pane=f["pane_id"],
        session=f["session_name"],
        window=f["window_name"],
        dead=f["pane_dead"] == "1",
        in_mode=number("pane_in_mode") > 0,
        input_off=f["pane_input_off"] == "1",
        pid=number("pane_pid"),
        width=number("pane_width"),
        height=number("pane_height"),
        cursor_x=number("cursor_x"),
        cursor_y=number("cursor_y"),
        alternate=f["alternate_on"] == "1",
        tty=f["pane_tty"],
        history=number("history_size"),
        attached=number("session_attached"),
        activity=number("window_activity"),
        title=f["pane_title"],
    )


def parse_list(reply: Reply, known: Mapping[str, PaneFacts] | None = None) -> dict[str, PaneFacts]:
    """The answer to the list, without our own hidden session. `known`: what was read of the same lines before."""
    known = known or {}
    found = (known.get(line) or parse_facts(line) for line in reply.lines) if reply.ok else ()
    return {facts.pane: facts for facts in found if facts is not None and facts.session != KEEP_ALIVE}


def guarded(pane: str, action: str, *, shows: Sequence[str] = ()) -> Script:
    """`action` on the pane if it can take it, after leaving copy mode: one line, which tmux runs without a pause in it.

    `shows`: lines that must stand on its screen in that moment, whole, but for spaces at their ends. Raises ValueError
    for anything but a bare pane id.
    """
    if not _PANE.match(pane):
        raise ValueError(f"not a pane id: {pane!r}")
    unable = "#{||:#{pane_dead},#{||:#{pane_in_mode},#{pane_input_off}}}"
    changed = _any_missing([line for line in shows if line.strip()])
    refuse_if = f"#{{||:#{{!=:#{{pane_id}},{pane}}},#{{||:{unable},{changed}}}}}"
    why = f"guard refused #{{pane_dead}} #{{pane_in_mode}} #{{pane_input_off}} {changed}"
    return Script(
        f'copy-mode -q -t {pane} ; if-shell -F -t {pane} "{refuse_if}"'
        f' {{ display-message -p -t {pane} "{why}" }} {{ {action} ; display-message -p "guard passed" }}',
        ends_with="guard ",
    )


def _any_missing(lines: Sequence[str]) -> str:
    """A format that is 1 where one of these lines is not on the screen, else 0. Halved again and again, for tmux bounds
    how deep formats may stand in each other; a character that would mean something there may be any one."""
    if not lines:
        return "0"
    if len(lines) == 1:
        return f"#{{==:#{{C/r:^{_OTHER.sub('.', lines[0].rstrip())}$}},0}}"
    half = len(lines) // 2
    return f"#{{||:{_any_missing(lines[:half])},{_any_missing(lines[half:])}}}"


def judge(reply: Reply) -> PasteResult:
    """Read the answer to a guarded action."""
    last = reply.lines[-1] if reply.lines else ""
    if reply.ok and last == "guard passed":
        return PasteResult(True)
    if reply.ok and last.startswith("guard refused"):
        flags = last.split()[2:]
        for flag, why in zip(flags, ("dead", "mode", "input off", "changed"), strict=False):
            if flag not in {"0", ""}:
                return PasteResult(False, why)
        return PasteResult(False, "gone")
    if last.startswith("can't find pane"):
        return PasteResult(False, "gone")
    return PasteResult(False, last or "tmux did not say why")


class Panes:
    """The panes of one server."""

    def __init__(self, control: ControlClient) -> None:
        self.control = control
        self._lines: dict[str, PaneFacts] = {}  # of the last list, which the next one mostly repeats

    async def facts(self) -> dict[str, PaneFacts]:
        """All panes of the server, by id; one command. Raises TmuxGone."""
        (reply,) = await self.control.run(_LIST)
        return self._parsed(reply)

    def _parsed(self, reply: Reply) -> dict[str, PaneFacts]:
        facts = parse_list(reply, self._lines)
        self._lines = {line: facts[pane] for line in reply.lines if (pane := line.partition("\t")[0]) in facts}
        return facts

    async def capture(self, panes: Sequence[str], *, history: int = 0) -> dict[str, Screen]:
        """The screens of these panes, with colours, and `history` lines above each; one write.

        Panes that are gone are left out. Raises TmuxGone.
        """
        _, screens = await self.look(panes, history=history)
        return screens

    async def whole(self, pane: str, *, history: int = 0) -> Screen | None:
        """The screen of one pane with its cursor, and with the spaces at the ends of lines, which may be coloured; None
        when it is gone.

        Raises TmuxGone.
        """
        if not _PANE.match(pane):
            raise ValueError(f"not a pane id: {pane!r}")
        lines = f" -S -{int(history)}" if history > 0 else ""
        listed, captured, seen = await self.control.run(
            _LIST, f"capture-pane -e -p -N{lines} -t {pane}", f'display-message -p -t {pane} "#{{cursor_flag}}"'
        )
        known = parse_list(listed).get(pane)
        if known is None or not captured.ok:
            return None
        above = len(captured.lines) - known.height
        cursor = (known.cursor_x, above + known.cursor_y) if seen.text == "1" else None
        return Screen(captured.text, known.title, known.width, known.height, time.monotonic(), cursor)

    async def look(
        self, panes: Sequence[str], *, history: int = 0, only: bool = False
    ) -> tuple[dict[str, PaneFacts], dict[str, Screen]]:
        """Facts of all panes (or of these `only`) and the screens of these, in one round trip. Raises TmuxGone."""
        for pane in panes:
            if not _PANE.match(pane):
                raise ValueError(f"not a pane id: {pane!r}")
        lines = f" -S -{int(history)}" if history > 0 else ""
        asked = [f"display-message -p -t {pane} {quote(_FORMAT)}" for pane in panes] if only else [_LIST]
        replies = await self.control.run(*asked, *(f"capture-pane -e -p{lines} -t {pane}" for pane in panes))
        told, captured = replies[: len(asked)], replies[len(asked) :]
        if only:
            facts = parse_list(Reply(True, [line for reply in told if reply.ok for line in reply.lines]))
        else:
            facts = self._parsed(told[0])
        at = time.monotonic()
        screens: dict[str, Screen] = {}
        for pane, reply in zip(panes, captured, strict=True):
            known = facts.get(pane)
            if reply.ok and known is not None:
                screens[pane] = Screen(reply.text, known.title, known.width, known.height, at)
        return facts, screens

    async def paste(self, pane: str, text: str, *, buffer: str) -> PasteResult:
        """Paste the text as one bracketed paste; see paste_many."""
        return (await self.paste_many([(pane, text, buffer)]))[0]

    async def paste_many(self, pastes: Sequence[tuple[str, str, str]]) -> list[PasteResult]:
        """Paste (pane, text, buffer name) each, in one round trip; no Enter. The buffer is gone afterwards.

        Copy mode is left first. The buffer's name must be its own (a delivery's id). CR, ESC and other control
        characters must be out of the text already: tmux passes them on, and ESC[201~ would end the paste early.
        Raises TmuxGone when the connection broke: then each paste may have happened or not.
        """
        commands: list[str | Script] = []
        for pane, text, buffer in pastes:
            if not _NAME.match(buffer):
                raise ValueError(f"not a buffer name: {buffer!r}")
            if not text:
                raise ValueError("nothing to paste")
            commands += (
                f"set-buffer -b {buffer} -- {quote(text)}",
                guarded(pane, f"paste-buffer -p -d -b {buffer} -t {pane}"),
                f"delete-buffer -b {buffer}",  # answers "no buffer" after a paste; removes it after a refusal
            )
        replies = await self.control.run(*commands)
        results: list[PasteResult] = []
        for stored, pasted in zip(replies[0::3], replies[1::3], strict=True):
            results.append(judge(pasted) if stored.ok else PasteResult(False, stored.text))
        return results

    async def keys(self, pane: str, *names: str, literal: bool = False) -> bool:
        """Press keys by tmux's names (Enter, Escape, C-u), or type the text itself; False when the pane cannot now."""
        return (await self.press(pane, *names, literal=literal)).ok

    async def press(self, pane: str, *names: str, literal: bool = False, shows: Sequence[str] = ()) -> PasteResult:
        """Like keys, but says why not; with `shows` ("changed") only while each of these lines is on the screen."""
        return (await self.press_many([pane], *names, literal=literal, shows=shows))[0]

    async def press_many(
        self, panes: Sequence[str], *names: str, literal: bool = False, shows: Sequence[str] = ()
    ) -> list[PasteResult]:
        """The same keys in each of these panes, in one round trip."""
        if not names:
            raise ValueError("no keys to press")
        flag = "-l " if literal else ""
        keys = " ".join(quote(name) for name in names)
        replies = await self.control.run(
            *(guarded(pane, f"send-keys {flag}-t {pane} -- {keys}", shows=shows) for pane in panes)
        )
        return [judge(reply) for reply in replies]

    async def buffers(self) -> list[str]:
        """The names of all paste buffers."""
        (reply,) = await self.control.run('list-buffers -F "#{buffer_name}"')
        return reply.lines if reply.ok else []

    async def delete_buffer(self, name: str) -> bool:
        """Remove a paste buffer; False when there was none."""
        (reply,) = await self.control.run(f"delete-buffer -b {quote(name)}")
        return reply.ok

    async def set_option(self, pane: str, name: str, value: str) -> bool:
        """Set an option of the pane (`@maf_state`, for the status line and borders); False when the pane is gone."""
        if not _PANE.match(pane):
            raise ValueError(f"not a pane id: {pane!r}")
        (reply,) = await self.control.run(f"set-option -p -t {pane} {quote(name)} {quote(value)}")
        return reply.ok
