"""How the demo agent looks: what it prints for good, and the parts of the block at the bottom. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.sandbox.demo.terminal import BOLD, CYAN, DIM, GREEN, RED, RESET, Line, cut, readable, wrap

COLOURS = ("red", "green", "blue")
OPTIONS = ("Yes", "Yes, and don't ask again", "No")
_MARKS = {"user": (">> ", BOLD), "model": ("● ", GREEN), "tool": ("● Ran ", CYAN), "limit": ("■ ", RED)}

Part = tuple[list[Line], int, int]  # lines, and row and column of the cursor in them


def note(text: str, columns: int) -> list[str]:
    """Something that the program says, not the model."""
    return [*(f"{DIM}{line}{RESET}" for line in wrap(readable(text), columns - 1, "  ", "  ")), ""]


def printed(kind: str, text: str, columns: int) -> list[str]:
    """A prompt ("user"), an answer ("model"), a tool call or a limit, in full."""
    first, style = _MARKS[kind]
    mark = first.split(" ", 1)[0]
    rest = "   " if kind == "user" else "  "
    lines = wrap(readable(text), columns - 1, first, rest, words=kind == "model")
    lines[0] = f"{style}{mark}{RESET}{lines[0][len(mark) :]}"
    return [*lines, ""]


def rule(columns: int) -> Line:
    return Line("─" * columns, style=DIM)


def footer(hint: str, columns: int) -> Line:
    return Line(cut(f"demo · {hint}", columns - 3), "  ", style=DIM)


def progress(said: Sequence[str], queue: Sequence[str], seconds: float, columns: int) -> list[Line]:
    """What streams, what waits in the queue, and for how long it has worked."""
    block = []
    if said:
        block = [*map(Line, wrap(" ".join(said), columns - 1, "● ", "  ", words=True)), Line("")]
    for text in queue:
        first = readable(text).split("\n", 1)[0]
        block.append(Line(cut(f"↳ queued: {first}", columns - 3), "  ", style=DIM))
    return [*block, Line(cut(f"Working ({int(seconds)}s · esc to interrupt)", columns - 3), "* ", style=CYAN)]


def dialog(command: str, chosen: int, columns: int) -> Part:
    """The question, in the place of the composer; the cursor stands on the chosen option."""
    lines = [rule(columns), Line(cut("Allow this command?", columns - 1), style=BOLD), Line("")]
    lines += [*map(Line, wrap(readable(command), columns - 1, "  ", "  ")), Line("")]
    row = len(lines) + chosen
    for index, option in enumerate(OPTIONS):
        text = f"{'❯' if index == chosen else ' '} {index + 1}. {option}"
        lines.append(Line(cut(text, columns - 1), style=CYAN if index == chosen else ""))
    return [*lines, Line(""), Line(cut("Esc to cancel", columns - 1), style=DIM)], row, 0


def menu(chosen: int, columns: int) -> Part:
    """A menu as no rule of ours knows it, in the place of the composer."""
    marked = (f"{'>>' if index == chosen else '  '} {colour}" for index, colour in enumerate(COLOURS))
    lines = [Line("A new version asks: which colour?"), Line(""), *(Line(cut(text, columns - 1)) for text in marked)]
    return lines, 2 + chosen, 0


def composer(shown: str, columns: int) -> Part:
    """The text between two rules, or the placeholder; the cursor at its end."""
    if shown:
        lines = [Line(line) for line in wrap(readable(shown), columns - 1, "> ", "  ")]
        return [rule(columns), *lines, rule(columns)], len(lines), lines[-1].columns
    return [rule(columns), Line(cut("Type a task", columns - 3), "> ", style=DIM), rule(columns)], 1, 2
