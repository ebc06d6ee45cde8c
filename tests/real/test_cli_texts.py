"""What a model receives of a text, on the real CLIs. The mock model's log is the judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.clis.text import normal
from tests.private_tmux import Pane, until
from tests.real.conftest import RealHome

pytestmark = pytest.mark.every_version

TRICKY = "\n".join(
    [
        "Please look at this; it ends in a semicolon;", "cost $5 and `backticks` and \"double\" 'single' quotes",
        "# a heading", "~ tilde \\ backslash \\\\ two", "tab\there", "", "emoji 👩‍👧‍👦 🚀 Ünïcödé",
        "Привет, мир", "العربية",
        "/slash inside !bang inside @at inside", "trailing space ", *(f"line {n}" for n in range(29)),
    ]
)  # fmt: skip


def deliver(home: RealHome, pane: Pane, text: str) -> str:
    """Paste, Enter, and what the model received as new."""
    before = len(home.models.prompts())
    pane.paste(text)
    pane.keys("Enter")
    until(lambda: len(home.models.prompts()) > before, lambda: f"a prompt at the model; the screen:\n{pane.screen}")
    return home.models.prompts()[before]


@pytest.mark.parametrize("mark", ["/help", "!touch ran-a-shell", "#remember this", "@notes.txt"])
@pytest.mark.parametrize("lead", ["", "  ", "\n", "\u200b"], ids=["bare", "spaces", "newline", "invisible"])
def test_a_text_that_starts_with_a_mark_reaches_the_model_as_text(real_home: RealHome, mark: str, lead: str) -> None:
    (real_home.workdir / "notes.txt").write_text("the notes of a person\n")
    pane = real_home.open()
    neutral = real_home.cli.neutralise(f"{lead}{mark}\nref: d0000001", raw=False)
    assert neutral.notes
    received = deliver(real_home, pane, neutral.text)
    space = "" if mark.startswith("@") else " "
    assert normal(received) == f"Message:{space}{mark}\nref: d0000001"
    pane.sees("reply")
    assert "Read notes.txt" not in pane.screen
    assert not (real_home.workdir / "ran-a-shell").exists()


def test_a_raw_bang_runs_a_shell_which_is_why_it_is_not_the_default(real_home: RealHome) -> None:
    pane = real_home.open()
    deliver(real_home, pane, "hello")  # Codex runs no command before its start-up is over, which a turn waits for
    pane.sees("reply")
    neutral = real_home.cli.neutralise("!touch ran-a-shell", raw=True)
    assert neutral.text == "!touch ran-a-shell"
    pane.paste(neutral.text)
    pane.keys("Enter")
    until(
        (real_home.workdir / "ran-a-shell").exists, lambda: f"the file that the shell makes; the screen:\n{pane.screen}"
    )


def test_exit_alone_does_not_close_the_agent(real_home: RealHome) -> None:
    pane = real_home.open()
    received = deliver(real_home, pane, real_home.cli.neutralise("exit", raw=False).text)
    assert "exit" in received
    pane.sees("reply")


def test_a_last_backslash_does_not_hold_back_enter(real_home: RealHome) -> None:
    pane = real_home.open()
    received = deliver(real_home, pane, real_home.cli.neutralise("see C:\\temp\\", raw=False).text)
    assert received.strip() == "see C:\\temp\\"


@pytest.mark.parametrize("char", ["\u200b", "\ufeff", "\u202e", "\u2060", "\u00ad", "\U000e0041"])
def test_an_invisible_character_does_not_hold_back_enter(real_home: RealHome, char: str) -> None:
    pane = real_home.open()
    neutral = real_home.cli.neutralise(f"before{char}after", raw=False)
    received = deliver(real_home, pane, neutral.text)
    assert real_home.cli.same_text(neutral.text, received)


def test_a_tricky_text_arrives_whole_and_once(real_home: RealHome) -> None:
    pane = real_home.open()
    text = real_home.cli.neutralise(TRICKY, raw=False).text + "\n\nref: d0000042"
    received = deliver(real_home, pane, text)
    assert real_home.cli.same_text(text, received)
    pane.sees("reply")
    assert real_home.models.count("ref: d0000042") == 1
    assert not list(Path(real_home.workdir).iterdir())


def test_an_interrupted_and_a_joined_prompt_are_counted_once(real_home: RealHome) -> None:
    pane = real_home.open()
    deliver(real_home, pane, "first WAIT30")
    pane.sees("esc to interrupt")
    pane.keys("Escape")
    until(lambda: "esc to interrupt" not in pane.screen, "the interrupt")
    pane.keys("C-u")  # Claude puts an unanswered prompt back into its composer
    deliver(real_home, pane, "second SLOW4")
    pane.sees("w0")
    deliver(real_home, pane, "third")
    pane.sees("reply")
    assert [real_home.models.count(text) for text in ("first WAIT30", "second SLOW4", "third")] == [1, 1, 1]
