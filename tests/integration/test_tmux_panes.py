"""Pastes and keys against a real tmux: what goes in, what is refused, and that the server lives through all of it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.tmux.control import ControlClient, OutOfStep, Script, TmuxGone, quote
from bot.tmux.panes import Panes, PasteResult
from tests.private_tmux import ended
from tests.tmux_wait import shows, text_of, until

# A raw reader that appends every byte it gets to a file: what arrived, not what a terminal makes of it.
READER = (
    "import os,sys,tty;tty.setraw(0);os.write(1,b'\\x1b[?2004hready');f=open(sys.argv[1],'ab',0)\n"
    "while (b:=os.read(0,65536)): f.write(b)"
)


async def pane_of(control: ControlClient, *argv: str, name: str = "w1", size: tuple[int, int] = (80, 24)) -> str:
    command, (columns, rows) = " ".join(quote(word) for word in argv), size
    (reply,) = await control.run(f'new-session -d -s {name} -x {columns} -y {rows} -P -F "#{{pane_id}}" -- {command}')
    assert reply.ok, reply.text
    return reply.text


async def reader(control: ControlClient, panes: Panes, log: Path, name: str = "w1") -> str:
    log.touch()
    pane = await pane_of(control, sys.executable, "-c", READER, str(log), name=name)
    await shows(panes, pane, "ready")
    return pane


async def arrived(log: Path, size: int) -> bytes:
    async def probe() -> bool:
        return log.stat().st_size >= size

    await until(probe, f"{size} bytes in {log.name}")
    return log.read_bytes()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=300))
async def test_any_text_survives_quoting(tmux_socket: str, text: str) -> None:
    # A connection per example: hypothesis runs each in an event loop of its own.
    client = ControlClient(tmux_socket)
    try:
        stored, saved, _ = await client.run(
            f"set-buffer -b q -- {quote(text)}", f"save-buffer -b q {quote(tmux_socket + '.out')}", "delete-buffer -b q"
        )
        assert (stored.ok, saved.ok) == (True, True), (stored.text, saved.text)
        assert Path(tmux_socket + ".out").read_bytes() == text.encode()
    finally:
        await client.close()


async def test_paste_arrives_whole_and_bracketed(control: ControlClient, panes: Panes, tmp_path: Path) -> None:
    log = tmp_path / "log"
    pane = await reader(control, panes, log)
    text = "a;\n$HOME `id` \"x\" 'y' #{pane_id} #(id) ~ \\ %if;\nПривет 👩‍💻 ↯\tend;"
    assert await panes.paste(pane, text, buffer="d1") == PasteResult(True)
    expected = b"\x1b[200~" + text.replace("\n", "\r").encode() + b"\x1b[201~"
    assert await arrived(log, len(expected)) == expected
    assert await panes.buffers() == []


async def test_a_megabyte_arrives_whole(control: ControlClient, panes: Panes, tmp_path: Path) -> None:
    log = tmp_path / "log"
    pane = await reader(control, panes, log)
    text = "".join(random.Random(7).choices('abc $"\\;#é✓', k=900_000))
    assert len(text.encode()) > 1_000_000
    assert await panes.paste(pane, text, buffer="big") == PasteResult(True)
    assert await arrived(log, len(text.encode()) + 12) == b"\x1b[200~" + text.encode() + b"\x1b[201~"


async def test_many_pastes_each_to_its_own_pane(control: ControlClient, panes: Panes, tmp_path: Path) -> None:
    logs = [tmp_path / f"log{i}" for i in range(5)]
    ids = [await reader(control, panes, log, name=f"w{i}") for i, log in enumerate(logs)]
    jobs = [(pane, f"prompt {i};", f"d{i}") for i, pane in enumerate(ids)]
    jobs.insert(2, ("%999", "nobody", "dx"))
    results = await panes.paste_many(jobs)
    assert [r.ok for r in results] == [True, True, False, True, True, True]
    assert results[2].why == "gone"
    for i, log in enumerate(logs):
        assert f"prompt {i};".encode() in await arrived(log, 20)


@pytest.mark.parametrize("mode", ["copy-mode", "choose-tree", "clock-mode"])
async def test_a_mode_is_left_and_the_paste_arrives(
    control: ControlClient, panes: Panes, tmp_path: Path, mode: str
) -> None:
    log = tmp_path / "log"
    pane = await reader(control, panes, log)
    await control.run(f"{mode} -t {pane}")
    assert (await panes.facts())[pane].in_mode
    assert await panes.paste(pane, "hello", buffer="d1") == PasteResult(True)
    assert b"hello" in await arrived(log, 17)
    assert not (await panes.facts())[pane].in_mode


async def test_input_off_is_refused_and_nothing_arrives(control: ControlClient, panes: Panes, tmp_path: Path) -> None:
    log = tmp_path / "log"
    pane = await reader(control, panes, log)
    await control.run(f"select-pane -d -t {pane}")
    assert await panes.paste(pane, "lost", buffer="d1") == PasteResult(False, "input off")
    assert not await panes.keys(pane, "Enter")
    assert await panes.buffers() == []
    await control.run(f"select-pane -e -t {pane}")
    assert await panes.keys(pane, "z")
    assert await arrived(log, 1) == b"z"  # and nothing of what was refused


async def test_missing_pane_is_refused(control: ControlClient, panes: Panes) -> None:
    assert await panes.paste("%77", "x", buffer="d1") == PasteResult(False, "gone")
    assert not await panes.keys("%77", "Enter")
    assert await panes.buffers() == []
    assert await panes.capture(["%77"]) == {}


async def test_dead_pane_is_refused_and_the_server_lives(control: ControlClient, panes: Panes) -> None:
    pane = await pane_of(control, "cat")
    # Only so can a pane be dead and still be there; the product never sets it.
    await control.run(f"set-option -p -t {pane} remain-on-exit on")
    os.kill((await panes.facts())[pane].pid, signal.SIGKILL)

    async def dead() -> bool:
        return (await panes.facts())[pane].dead

    await until(dead, "the pane's death")
    server = control.server_pid
    for i in range(20):
        assert await panes.paste(pane, "x" * 2000, buffer=f"d{i}") == PasteResult(False, "dead")
    assert not await panes.keys(pane, "Enter")
    assert await panes.buffers() == []
    assert (await control.run('display-message -p "#{pid}"'))[0].text == str(server)


async def test_a_pane_killed_while_it_is_pasted_into(control: ControlClient, panes: Panes) -> None:
    chance = random.Random(11)
    server = control.server_pid
    for i in range(30):
        pane = await pane_of(control, "cat", name=f"k{i}")
        await control.run(f"set-option -p -t {pane} remain-on-exit on")
        pid = (await panes.facts())[pane].pid

        async def kill(pid: int = pid, after: float = chance.random() / 100) -> None:
            await asyncio.sleep(after)
            os.kill(pid, signal.SIGKILL)

        async def paste(pane: str = pane, i: int = i, after: float = chance.random() / 100) -> PasteResult:
            await asyncio.sleep(after)
            return await panes.paste(pane, "x" * 3000, buffer=f"d{i}")

        result, _ = await asyncio.gather(paste(), kill())
        assert result.ok or result.why == "dead"
        await control.run(f"kill-session -t =k{i}")
    assert await panes.buffers() == []
    assert (await control.run('display-message -p "#{pid}"'))[0].text == str(server)


async def test_typed_text_keeps_its_trailing_semicolon(control: ControlClient, panes: Panes, tmp_path: Path) -> None:
    log = tmp_path / "log"
    pane = await reader(control, panes, log)
    assert await panes.keys(pane, "/model x;", literal=True)
    assert await panes.keys(pane, "Enter", "C-u", "-l")
    assert await arrived(log, 13) == b"/model x;\r\x15-l"


async def test_an_error_stops_neither_the_next_command_nor_the_count(control: ControlClient) -> None:
    fake = 'display-message -p "%%end 1 2 1"'
    replies = await control.run("nosuch", fake, "show-buffer -b none", "list-keys -T none")
    assert [r.ok for r in replies] == [False, True, False, False]
    assert replies[1].lines == ["%end 1 2 1"]
    with pytest.raises(OutOfStep):
        await control.run("display-message -p a ; display-message -p b")
    with pytest.raises(OutOfStep):
        await control.run(Script("display-message -p a", ends_with="never"))
    assert (await control.run("display-message -p still"))[0].lines == ["still"]
    with pytest.raises(ValueError, match="not one line"):
        await control.run("display-message -p a\nkill-server")


async def test_concurrent_calls_get_their_own_answers(control: ControlClient) -> None:
    async def ask(i: int) -> list[str]:
        replies = await control.run(f"display-message -p a{i}", f"display-message -p b{i}")
        return [r.text for r in replies]

    assert await asyncio.gather(*(ask(i) for i in range(50))) == [[f"a{i}", f"b{i}"] for i in range(50)]
    cancelled = asyncio.create_task(ask(99))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert await ask(1) == ["a1", "b1"]


async def test_a_killed_server_is_told_and_then_replaced(control: ControlClient, panes: Panes) -> None:
    await pane_of(control, "cat")
    first = control.server_pid
    os.kill(first, signal.SIGKILL)

    async def told() -> bool:
        try:
            await panes.facts()
        except TmuxGone:
            return True
        return False

    await until(told, "TmuxGone")
    assert await panes.facts() == {}
    assert control.server_pid not in {0, first}


async def test_a_hung_server_times_out(control: ControlClient) -> None:
    os.kill(control.server_pid, signal.SIGSTOP)
    try:
        with pytest.raises(TmuxGone, match=r"did not answer for 0\.3 s"):
            await control.run("display-message -p x", timeout=0.3)
    finally:
        os.kill(control.server_pid, signal.SIGCONT)
    assert (await control.run("display-message -p back"))[0].text == "back"


async def test_watching_changes_no_size_and_leaves_nothing(tmux_socket: str) -> None:
    one, two = ControlClient(tmux_socket), ControlClient(tmux_socket)
    await one.start()
    await two.start()
    pane = await pane_of(one, "cat")
    assert one.server_pid == two.server_pid
    facts = (await Panes(two).facts())[pane]
    assert (facts.width, facts.height) == (80, 24)
    await one.close()
    assert list(await Panes(two).facts()) == [pane]
    await two.run("kill-session -t =w1")
    server = two.server_pid
    await two.close()

    async def gone() -> bool:
        return ended(server)

    await until(gone, "the end of the server, which nobody needs any more")


async def test_a_title_that_nobody_set_is_none(control: ControlClient, panes: Panes) -> None:
    """tmux begins with the name of the machine; a Codex that sets no title must not look like a quiet one."""
    pane = await pane_of(control, sys.executable, "-c", "input()")
    assert (await panes.facts())[pane].title == ""


async def test_captures_show_colour_history_and_title(control: ControlClient, panes: Panes) -> None:
    program = (
        "print('\\x1b]2;my title\\x07');[print(i) for i in range(40)];print('\\x1b[31mred\\x1b[0m\\x0e q\\x0f');input()"
    )
    pane = await pane_of(control, sys.executable, "-c", program)
    await shows(panes, pane, "red")
    screen = (await panes.capture([pane]))[pane]
    assert "\x1b[31mred" in screen.ansi
    assert "\x1b" not in screen.plain
    assert (screen.title, screen.width, screen.height) == ("my title", 80, 24)
    assert "\n5\n" not in screen.plain
    assert "\n5\n" in (await panes.capture([pane], history=60))[pane].plain
    assert await text_of(panes, pane) == screen.plain


async def test_a_key_is_pressed_only_while_these_lines_are_on_the_screen(
    control: ControlClient, panes: Panes, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    pane = await reader(control, panes, log)
    assert await panes.press(pane, "1", shows=["no such words"]) == PasteResult(False, "changed")
    assert await panes.press_many([pane], "2", shows=["ready", "no such words"]) == [PasteResult(False, "changed")]
    assert await panes.press(pane, "3", shows=["ready"]) == PasteResult(True)
    assert await arrived(log, 1) == b"3"


async def test_a_line_is_the_whole_of_it_and_may_hold_any_character(
    control: ControlClient, panes: Panes, tmp_path: Path
) -> None:
    lines = [f"a{chr(code)}b {chr(code)}{chr(code)}z" for code in range(33, 127)]
    screen = ["  ls -la", " │ déjà — vu │ 日本", "x" * 200, *lines]
    text = tmp_path / "text"
    text.write_text("\n".join(screen), "utf8")
    pane = await pane_of(control, "sh", "-c", f"cat {text}; sleep 100", size=(210, 110))
    await shows(panes, pane, "z")
    assert await panes.press(pane, "F5", shows=screen) == PasteResult(True)
    for other in ("  ls", "ls -la", "  ls -la && rm x", "   ls -la", " │ déjà — vu │ 日", "x" * 199, "a!b !!y", "a;b"):
        assert await panes.press(pane, "F5", shows=[*screen, other]) == PasteResult(False, "changed"), other
