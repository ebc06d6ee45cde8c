"""The demo agent itself: what it knows, what happens to it, what it shows."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from bot.sandbox.demo import view
from bot.sandbox.demo.calls import POLL_S, Call, Calls, Hook
from bot.sandbox.demo.composer import Composer
from bot.sandbox.demo.keys import Event
from bot.sandbox.demo.terminal import Line, Terminal
from bot.sandbox.demo.transcript import Transcript
from bot.sandbox.demo.turn import HELP, Turn, plan, turned_away
from bot.sandbox.demo.view import OPTIONS


class Agent:
    """Events go in, time passes, a frame comes out; the loop is in bot/sandbox/agent.py."""

    def __init__(self, terminal: Terminal, transcript: Transcript, seconds: float) -> None:
        self.terminal, self.transcript, self.seconds = terminal, transcript, seconds
        self.composer = Composer()
        self.queue: list[str] = []
        self.history: list[str] = []
        self.turn: Turn | None = None
        self.began = self.next_word = 0.0
        self.said: list[str] = []
        self.calls: Calls | None = None  # those of the turn, once it has begun them
        self.option = 0  # the chosen one of the dialog that stands there
        self.granted = False
        self.hooks: list[Hook] = []
        self.menu: int | None = None  # the chosen line of a menu that looks like nothing else
        self.limited_until = 0.0
        self.leaving_until = 0.0
        self.exit_code: int | None = None

    @property
    def phase(self) -> str:
        if self.dialog is not None:
            return "waiting"
        if self.turn is not None:
            return "working"
        return "limited" if self.limited_until > time.time() else "idle"

    # What happens

    def handle(self, event: Event) -> None:
        """One key, text or paste: to the dialog while one is open, else to the composer."""
        kind, value = event
        if self.menu is not None:
            self._menu_key(value if kind == "key" else "")
            return
        if self.dialog is not None:
            if kind == "key":
                self._dialog_key(value)
            elif kind == "text" and value[:1] in "123":
                self._answer(int(value[0]) - 1)
            return  # a paste into a dialog is lost, as in the real ones
        if kind == "paste":
            self.composer.paste(value)
        elif kind == "text":
            self.composer.type(value)
        elif value == "enter":
            self._submit()
        elif value == "newline":
            self.composer.type("\n")
        elif value == "backspace":
            self.composer.backspace()
        elif value == "ctrl-u":
            self.composer.clear_line()
        elif value == "escape":
            self._interrupt()
        elif value in {"ctrl-c", "ctrl-d"}:
            self._leave_key()

    def tick(self, now: float) -> None:
        """Let time pass: think, ask, stream, end."""
        self.hooks = [hook for hook in self.hooks if not hook.ended and not hook.read() and not hook.ended]
        turn = self.turn
        if turn is None or now < self.began + turn.think:
            return
        if self.calls is not None and not self.calls.done:
            self._let_calls(now)
            return
        if turn.crash:
            self.exit_code = 1
        elif turn.limit:
            self._limit(turn.limit)
        elif turn.calls and self.calls is None:
            self.calls = Calls(turn.calls, self.transcript, os.environ.get("DEMO_HOOK", ""), self.hooks)
            if self.granted:
                self._ran(self.calls.grant())
            self._let_calls(now)
        elif len(self.said) < len(turn.words):
            if now >= self.next_word:
                self.said.append(turn.words[len(self.said)])
                self.next_word = now + turn.pace
        else:
            self._end()

    def wait(self, now: float) -> float:
        """Seconds until `tick` has something to do."""
        if self.turn is None:
            return 1.0
        if self.calls is not None and not self.calls.done:
            return POLL_S
        due = self.began + self.turn.think
        return min(0.25, max(0.0, (due if now < due else max(due, self.next_word)) - now))

    def _submit(self) -> None:
        text = self.composer.text.strip()
        if not text:
            return
        self.composer.take()
        if (why := turned_away(text)) is not None:
            self.transcript.write("blocked", why, data={"prompt": text})
            self.note(f"Blocked by hook: {why}")
            self.composer.paste(text)  # as Claude Code 2.1.328 does
        elif text.startswith(("/", "!")) or text.lower() == "exit":
            self._command(text)
        elif self.turn is not None:
            self.transcript.write("queued", text)
            self.queue.append(text)
        else:
            self._take(text)

    def _take(self, text: str) -> None:
        self.transcript.write("user", text)
        self.show("user", text)
        self.transcript.write("turn_start")
        self.turn, self.began, self.next_word = plan(text, self.seconds), time.monotonic(), 0.0
        self.said, self.calls, self.option = [], None, 0
        if self.limited_until > time.time():
            self._limit(0)

    def _command(self, text: str) -> None:
        name = text.split(maxsplit=1)[0].lower()
        if name in {"/quit", "/exit", "exit"}:
            self.exit_code = 0
        elif name in {"/help", "/?"}:
            self.note(HELP)
        elif name == "/menu":
            self.menu = 0
        elif name == "/compact":
            self.transcript.write("compacted")
            self.note("Context compacted")
        elif name == "/clear":
            home = self.transcript.path.parents[1]
            self.transcript.close()
            self.transcript = Transcript(home, str(Path.cwd()))
            self.note(f"New conversation {self.transcript.id}")
        elif text.startswith("!"):
            self.note(f"A real agent would now run a shell command: {text[1:].strip()}")
        else:
            self.note(f"Unknown command {name}. /help shows the known ones.")

    def _menu_key(self, key: str) -> None:
        if self.menu is None:
            return
        if key in {"up", "down"}:
            self.menu = (self.menu + (1 if key == "down" else -1)) % len(view.COLOURS)
        elif key in {"enter", "escape"}:
            chosen, self.menu = view.COLOURS[self.menu], None
            self.note(f"Colour: {chosen if key == 'enter' else 'as before'}")

    @property
    def dialog(self) -> Call | None:
        """The call that a dialog asks about."""
        return self.calls.shown[0] if self.calls is not None and self.calls.shown else None

    def _let_calls(self, now: float) -> None:
        if self.calls is not None:
            before = self.dialog
            self._ran(self.calls.tick(now))
            if self.dialog is not before:
                self.option = 0

    def _dialog_key(self, key: str) -> None:
        if key == "enter":
            self._answer(self.option)
        elif key in {"escape", "ctrl-c"}:
            self._answer(2)
        elif key in {"up", "down"}:
            self.option = (self.option + (1 if key == "down" else -1)) % len(OPTIONS)

    def _answer(self, option: int) -> None:
        if self.calls is None:
            return
        if option == len(OPTIONS) - 1:
            self._interrupt()
            return
        self.option = 0
        ended = [self.calls.allow()]
        if option == 1:
            self.granted = True
            ended += self.calls.grant()
        self._ran(ended)

    def _ran(self, ended: Sequence[Call]) -> None:
        for call in ended:
            if call.end == "done":
                self.show("tool", call.planned.command)

    def _limit(self, seconds: int) -> None:
        if seconds:
            self.limited_until = time.time() + seconds
        text = f"You've hit your demo limit · resets {time.strftime('%H:%M', time.localtime(self.limited_until))}"
        self.transcript.write("limit", text, data={"resets_at": int(self.limited_until)})
        self.show("limit", text)
        self.transcript.write("turn_end", data={"last": "", "error": text})
        self._next()

    def _end(self) -> None:
        text = " ".join(self.said)
        self.transcript.write("model", text)
        self.show("model", text)
        self.transcript.write("usage", data={"output": len(self.said)})
        self.transcript.write("turn_end", data={"last": text})
        if self.calls is not None:
            self.calls.close()
        self._next()

    def _interrupt(self) -> None:
        if self.turn is None:
            return
        if self.said:
            self.transcript.write("model", " ".join(self.said))
            self.show("model", " ".join(self.said))
        if self.calls is not None:
            self.calls.abort()
        self.transcript.write("aborted", "interrupted")
        self.note("Interrupted. What should I do instead?")
        self._next()

    def _next(self) -> None:
        self.turn, self.said, self.calls = None, [], None
        if self.queue:
            self._take(self.queue.pop(0))

    def _leave_key(self) -> None:
        if self.composer.text:
            while self.composer.text:
                self.composer.clear_line()
        elif time.monotonic() < self.leaving_until:
            self.exit_code = 0
        else:
            self.leaving_until = time.monotonic() + 2

    # What is seen

    def note(self, text: str) -> None:
        self.history += view.note(text, self.terminal.size[0])

    def show(self, kind: str, text: str) -> None:
        self.history += view.printed(kind, text, self.terminal.size[0])

    def draw(self) -> None:
        """One frame: what is new in the history, and the block below it."""
        columns = self.terminal.fit()
        block: list[Line] = []
        if self.menu is not None:
            block, row, column = view.menu(self.menu, columns)
        elif self.dialog is not None:
            block, row, column = view.dialog(self.dialog.planned.command, self.option, columns)
        else:
            if self.turn is not None:
                block = view.progress(self.said, self.queue, time.monotonic() - self.began, columns)
            lines, row, column = view.composer(self.composer.shown, columns)
            row += len(block)
            hint = "ctrl-c again to leave" if time.monotonic() < self.leaving_until else "? for help"
            block = [*block, *lines, view.footer(hint, columns)]
        history, self.history = self.history, []
        self.terminal.title("demo" if self.menu is not None else f"demo: {self.phase}")
        self.terminal.frame(history, block, row, column)
