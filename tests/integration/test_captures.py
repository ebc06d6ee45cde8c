"""Screens that are captured only where something was drawn, and drawn as pictures: with a real tmux."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from bot.agents.seeing.fonts import Fonts
from bot.agents.seeing.picture import MARGIN, SIZE, png, rgb
from bot.tmux.captures import Captures
from bot.tmux.cells import grid
from bot.tmux.control import ControlClient, quote
from bot.tmux.panes import PaneFacts, Panes, Screen
from bot.tmux.servers import AllPanes
from tests.integration.app_home import tmux
from tests.private_tmux import end_server
from tests.tmux_wait import shows, until

# Writes each line that is pasted into it; `clear` alone empties the screen.
ECHO = "import sys\nprint('ready',flush=True)\nfor line in sys.stdin: print('got', line.strip(), flush=True)"

# The same in one place of the screen, without echo: the cursor stays where it is, as it does when a CLI redraws itself.
IN_PLACE = """
import sys, termios
mode = termios.tcgetattr(0)
mode[3] &= ~termios.ECHO
termios.tcsetattr(0, termios.TCSANOW, mode)
sys.stdout.write("ready"); sys.stdout.flush()
for line in sys.stdin:
    sys.stdout.write("\\x1b7\\x1b[9;1Hgot " + line.strip() + "\\x1b8"); sys.stdout.flush()
"""


class Counted(Panes):
    """Counts what is captured; the reading itself is the real one."""

    captured: list[str]

    async def look(
        self, panes: Sequence[str], *, history: int = 0, only: bool = False
    ) -> tuple[dict[str, PaneFacts], dict[str, Screen]]:
        self.captured = list(panes)
        return await super().look(panes, history=history, only=only)


async def pane_of(control: ControlClient, name: str, *argv: str, width: int = 80) -> str:
    command = " ".join(quote(word) for word in argv)
    (reply,) = await control.run(f'new-session -d -s {name} -x {width} -y 24 -P -F "#{{pane_id}}" -- {command}')
    assert reply.ok, reply.text
    return reply.text


async def test_only_what_was_drawn_on_is_captured_again(control: ControlClient) -> None:
    panes = Counted(control)
    one = await pane_of(control, "w1", sys.executable, "-c", ECHO)
    two = await pane_of(control, "w2", sys.executable, "-c", ECHO)
    for pane in (one, two):
        await shows(panes, pane, "ready")
    captures = Captures(panes)

    async def quiet() -> bool:
        panes.captured = []
        facts, screens = await captures.look([one, two])
        assert set(screens) == {one, two}
        assert {one, two} <= set(facts)
        return not panes.captured

    await until(quiet, "a look that captures nothing")
    _, before = await captures.look([one, two])
    await panes.keys(one, "hello", "Enter")

    async def seen() -> bool:
        _, screens = await captures.look([one, two])
        assert screens[two] is before[two]
        return "got hello" in screens[one].plain

    await until(seen, "the new line")


async def test_a_quiet_pane_of_another_server_is_seen_while_ours_are_drawn_on(
    control: ControlClient, tmp_path: Path
) -> None:
    """An adopted agent that sat still was called dead in every look in which another one worked."""
    own = str(tmp_path / "own")
    here = await pane_of(control, "w1", sys.executable, "-c", ECHO)
    new = ("-f", "/dev/null", "new-session", "-d", "-P", "-F", "#{pane_id}", "sleep", "300")
    there = f"{own}:{tmux(own, *new)}"
    panes = AllPanes(control)

    async def wanted() -> list[str]:
        return [own]

    panes.wanted = wanted
    captures = Captures(panes)
    try:
        await shows(panes, here, "ready")

        async def still() -> bool:
            _, before = await captures.look([here, there])
            _, after = await captures.look([here, there])
            return before[there] is after[there]

        await until(still, "nothing is drawn there any more")
        await panes.keys(here, "hello", "Enter")

        async def seen() -> bool:
            facts, screens = await captures.look([here, there])
            assert there in facts
            assert there in screens
            return "got hello" in screens[here].plain

        await until(seen, "the new line")
    finally:
        await panes.close()
        end_server(own)


async def test_what_is_drawn_in_the_second_of_the_last_capture_is_not_missed(control: ControlClient) -> None:
    """tmux tells the second of the last output: many lines within one second must all be seen, and soon."""
    panes = Panes(control)
    pane = await pane_of(control, "w1", sys.executable, "-c", IN_PLACE)
    await shows(panes, pane, "ready")
    captures = Captures(panes)
    found = []
    for number in range(20):
        await panes.keys(pane, f"line{number}", "Enter")

        async def seen(wanted: str = f"got line{number}") -> bool:
            _, screens = await captures.look([pane])
            return wanted in screens[pane].plain

        await until(seen, f"line {number}")
        found.append(number)
    assert found == list(range(20))


async def test_a_new_program_size_or_title_is_seen(control: ControlClient) -> None:
    panes = Panes(control)
    pane = await pane_of(control, "w1", sys.executable, "-c", ECHO)
    await shows(panes, pane, "ready")
    captures = Captures(panes)
    await captures.look([pane])
    await control.run("resize-window -t =w1: -x 60 -y 20")
    _, screens = await captures.look([pane])
    assert (screens[pane].width, screens[pane].height) == (60, 20)
    await control.run(f"select-pane -t {pane} -T other")
    _, screens = await captures.look([pane])
    assert screens[pane].title == "other"
    (killed,) = await control.run(f"kill-pane -t {pane}")
    assert killed.ok
    facts, screens = await captures.look([pane])
    assert (pane in facts, pane in screens) == (False, False)


async def test_a_hidden_cursor_and_one_below_history(control: ControlClient) -> None:
    panes = Panes(control)
    program = "import time\nprint(*range(40), sep='\\n')\nprint('end' + %r, end='', flush=True)\ntime.sleep(999)"
    for name, ending in (("w1", ""), ("w2", "\x1b[?25l")):
        pane = await pane_of(control, name, sys.executable, "-c", program % ending)
        await shows(panes, pane, "end")
        screen = await panes.whole(pane, history=5)
        assert screen is not None
        assert screen.plain.startswith(f"{40 + 1 - screen.height - 5}\n")
        assert screen.cursor == (None if ending else (3, screen.height + 5 - 1))


async def test_a_picture_of_a_real_pane_shows_its_cells_where_tmux_has_them(control: ControlClient) -> None:
    """Wide characters, marks and a band of coloured spaces: tmux says where the cursor stands, so do our cells."""
    panes = Panes(control)
    text = "日本e\u0301👩\u200d👧|"
    band = "\x1b[48;5;237m band \x1b[0m end\r\n\x1b[41m" + " " * 80 + "\x1b[0m"
    program = f"import sys,time\nsys.stdout.write({band + text!r})\nsys.stdout.flush();time.sleep(999)"
    pane = await pane_of(control, "w1", sys.executable, "-c", program)
    await shows(panes, pane, "|")
    screen = await panes.whole(pane)
    facts = (await panes.facts())[pane]
    assert screen is not None
    assert screen.cursor == (facts.cursor_x, 2)
    rows = grid(screen.ansi, screen.width)
    assert [(cell.text, cell.width) for cell in rows[2][:5]] == [
        ("日", 2),
        ("本", 2),
        ("e\u0301", 1),
        ("👩\u200d👧", 2),
        ("|", 1),
    ]
    assert facts.cursor_x == sum(cell.width for cell in rows[2][:5])
    wide, high = Fonts(SIZE).cell
    with Image.open(BytesIO(png(screen.ansi, screen.width))) as image:
        shown = image.convert("RGB")
    red = rgb(1, (0, 0, 0))
    assert [shown.getpixel((MARGIN + column * wide + 1, MARGIN + high + 1)) for column in (0, 40, 79)] == [red] * 3
    assert shown.getpixel((MARGIN + 3 * wide, MARGIN + 1)) == rgb(237, (0, 0, 0))
    assert shown.getpixel((MARGIN + 7 * wide, MARGIN + 1)) == rgb(None, (18, 20, 24))
