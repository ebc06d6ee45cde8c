"""Every captured screen of the real CLIs is read right, at every size, with and without its colours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.agents.state.explain import explain
from bot.clis.screens import read_text
from bot.clis.sgr import plain
from tests.unit.captured import FOLDER, Capture, capture, captures

ALL = captures()


def state(kind: str, ansi: str, title: str = "") -> str:
    return str(read_text(kind, ansi, title).state)


def test_there_are_captures_of_all_sizes() -> None:
    sizes = {re.search(r"\d+x\d+", c.name)[0] for c in ALL if re.search(r"\d+x\d+", c.name)}
    assert {"80x24", "120x36", "200x50"} <= sizes
    assert len(ALL) > 100


@pytest.mark.parametrize("shown", ALL, ids=str)
def test_explain_is_right(shown: Capture) -> None:
    assert explain(shown.kind, shown.ansi, shown.title)["state"] in shown.states


@pytest.mark.parametrize("shown", ALL, ids=str)
def test_explain_is_right_without_colours(shown: Capture) -> None:
    assert explain(shown.kind, plain(shown.ansi), shown.title)["state"] in shown.states


@pytest.mark.parametrize("shown", [c for c in ALL if c.kind == "codex" and "streaming" in c.name], ids=str)
def test_streaming_codex_is_never_surely_idle_without_its_title(shown: Capture) -> None:
    reading = read_text("codex", shown.ansi, "")
    assert str(reading.state) in ("working", "None") or reading.trust == "low"


def test_explain_names_the_rule_and_the_votes() -> None:
    shown = capture("codex-80x24-streaming")
    found = explain("codex", shown.ansi, shown.title)
    assert found["rule"] == "title spins"
    assert [(s["source"], s["vote"], s["age_s"]) for s in found["signals"]] == [
        ("title", "working", 0.0),
        ("screen", "working", 0.0),
    ]


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("codex-80x24-idle", "empty", ""),
        ("codex-80x24-draft", "draft", "draft typed by a human"),
        ("codex-200x50-draft-multiline", "draft", "draft line one\ndraft line two\n\ndraft line four"),
        ("codex-80x24-draft-multiline", "draft", "draft line one\ndraft line two\n\ndraft line four"),
        ("codex-80x24-draft-pasted-placeholder", "draft", "[Pasted Content 3229 chars]"),
        ("codex-80x24-streaming-draft", "draft", "human draft while working"),
        ("codex-80x24-queued", "empty", ""),
        ("codex-80x24-approval", "absent", ""),
        ("codex-hook-211-end", "draft", "y"),
        ("claude-80x24-idle", "empty", ""),
        ("claude-80x24-draft", "draft", "draft typed by a human"),
        ("claude-05-pasted", "draft", "hello claude\nsecond line"),
        ("claude-200x50-draft-multiline", "draft", "[Pasted text #1 +3 lines]"),
        ("claude-80x24-streaming-draft", "draft", "human draft while working"),
        ("claude-80x24-queued", "empty", ""),  # "Press up to edit queued messages" is a hint
        ("claude-120x36-interrupted", "draft", "first message alpha WAIT20"),
        ("claude-80x24-approval", "absent", ""),
    ],
)
def test_composer(name: str, kind: str, text: str) -> None:
    shown = capture(name)
    composer = read_text(shown.kind, shown.ansi, shown.title).composer
    assert (composer.kind, composer.text) == (kind, text)


def test_a_prompt_that_claude_put_back_looks_like_a_draft_to_the_byte() -> None:
    """After Esc Claude 2.1.328 may put the prompt back, and shows nothing of the interrupted turn. No rule over this
    screen can tell the two apart, so it counts as a person's text, into which nothing is pasted."""

    def look(name: str, text: str) -> str:
        ansi = capture(name).ansi
        assert text in ansi
        return re.sub(r"\n\n+|─+| {20,}", "", ansi.replace(text, "TEXT"))  # what depends on the size of the terminal

    draft = look("claude-200x50-draft", "draft typed by a human")
    assert look("claude-120x36-interrupted", "first message alpha WAIT20") == draft


def test_a_draft_that_reads_like_a_placeholder_is_a_draft() -> None:
    shown = capture("codex-80x24-draft")
    typed = shown.ansi.replace("draft typed by a human", "Ask Codex to do anything")
    assert read_text("codex", typed, "proj").composer.text == "Ask Codex to do anything"


def test_a_placeholder_of_any_wording_is_empty() -> None:
    shown = capture("codex-80x24-idle")
    other = shown.ansi.replace("Ask Codex to do anything", "Never seen before")
    assert "Never seen" in other
    assert read_text("codex", other, "proj").composer.kind == "empty"


def test_shell_mode_is_a_draft_that_would_run() -> None:
    claude = capture("claude-80x24-draft").ansi.replace("❯\u00a0draft typed", "!\u00a0rm typed")
    assert read_text("claude", claude).composer.kind == "shell"
    codex = capture("codex-80x24-draft").ansi.replace(
        "›\x1b[0m\x1b[39m\x1b[49m draft", "!\x1b[0m\x1b[39m\x1b[49m draft"
    )
    codex = codex.replace("1 warning", "Shell mode")
    reading = read_text("codex", codex, "proj")
    assert (reading.composer.kind, reading.composer.text) == ("shell", "draft typed by a human")
    assert str(reading.state) == "composing"


@pytest.mark.parametrize(
    ("name", "reset"),
    [
        ("codex-13-usage-limit", "8:32 AM"),
        ("codex-80x24-limit", "9:22 AM"),  # wrapped over three lines
        ("claude-25-limit", "8:44am (UTC)"),
        ("claude-80x24-limit", "9:22am (UTC)"),
    ],
)
def test_reset_time_of_a_limit(name: str, reset: str) -> None:
    shown = capture(name)
    assert read_text(shown.kind, shown.ansi, shown.title).reset_at == reset


def test_a_limit_banner_wrapped_anywhere_is_found() -> None:
    banner = (
        "■ You’ve hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro), visit "
        "https://chatgpt.com/settings/usage to purchase more credits or try again at Nov 26, 2026 8:32 AM."
    )
    for width in range(12, 120):
        lines, line = [], ""
        for word in banner.split(" "):
            if line and len(line) + 1 + len(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}".strip()
        screen = "\n".join(["› work", "", *lines, line, "", "› Ask Codex to do anything", "", "  gpt · /home/dev"])
        reading = read_text("codex", screen, "proj")
        assert (str(reading.state), reading.reset_at) == ("limited", "Nov 26, 2026 8:32 AM"), width


@pytest.mark.parametrize(
    "prose",
    [
        "• I grepped for it: You've hit your usage limit. Try again at 8:32 AM.",
        "• The banner reads\n\n  ■ You’ve hit your usage limit. Try again at 8:32 AM.",
    ],
)
def test_a_limit_in_codex_prose_is_no_limit(prose: str) -> None:
    screen = f"› work\n\n{prose}\n\n  Worked for 3s • 06:01\n\n› Ask Codex to do anything\n\n  gpt · /home/dev"
    assert state("codex", screen, "proj") == "idle"


@pytest.mark.parametrize(
    "prose",
    [
        "● It says You've hit your 5-hour limit · resets 8:44am (UTC)\n\n✻ Baked for 8s · done 6:52 AM",
        "  Ran 1 shell command\n  ⎿  You've hit your 5-hour limit · resets 8:44am\n\n● Found it.\n\n✻ Baked for 8s",
        "● Server is temporarily limiting requests (not your usage limit)",
    ],
)
def test_a_limit_in_claude_prose_is_no_limit(prose: str) -> None:
    rule = "─" * 80
    screen = f"❯ work\n\n{prose}\n\n{rule}\n❯\u00a0\n{rule}\n  ⏸ manual mode on"
    assert state("claude", screen) in ("idle", "error")


@pytest.mark.parametrize("glyph", "·✢✳✶✻✽*")
def test_claude_done_lines_are_not_spinners(glyph: str) -> None:
    rule = "─" * 80

    def screen(line: str) -> str:
        return f"❯ work\n\n● Hello.\n\n{glyph} {line}\n\n{rule}\n❯\u00a0\n{rule}\n  ⏸ manual mode on"

    assert state("claude", screen("Churned for 10s · done 6:07 AM")) == "idle"
    assert state("claude", screen("Crunched for 0s · done 6:07 AM")) == "idle"
    assert state("claude", screen("Churning… (10s · ↓ 5 tokens)")) == "working"
    assert state("claude", screen("Lollygagging…")) == "working"


def test_what_the_agent_said_last() -> None:
    said = {
        name: read_text(name.partition("-")[0], capture(name).ansi).says
        for name in (
            "codex-12-approved",
            "codex-05-working",
            "claude-13-done",
            "claude-14-approval",
            "claude-after-option3",
        )
    }
    assert said["codex-12-approved"] == "Mock reply 6."
    assert said["codex-05-working"] == "w0 w1 w2 w3 w4 w5"
    assert said["claude-13-done"] == "Mock claude reply 3."
    assert said["claude-14-approval"] == "Mock claude reply 3."  # "Creating a file" names a tool call
    assert said["claude-after-option3"].startswith("Auto mode lets Claude handle permission prompts")


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("claude-80x24-working", True),
        ("claude-200x50-streaming-draft", True),
        ("claude-2.1.332-120x36-limit", True),
        ("claude-80x24-done", False),
        ("claude-2.1.332-80x24-done-queued", False),
        ("codex-80x24-working", True),
        ("codex-0.171.0-120x36-approval", True),
        ("codex-80x24-streaming", False),
        ("codex-0.171.0-200x50-done-queued", False),
    ],
)
def test_an_answer_above_the_newest_prompt_is_of_an_earlier_one(name: str, before: bool) -> None:
    shown = capture(name)
    reading = read_text(shown.kind, shown.ansi, shown.title)
    assert reading.says
    assert reading.said_before == before


def test_unknown_kinds_and_empty_screens_have_no_state() -> None:
    assert read_text("shell", "$ ").state is None
    assert read_text("../codex", "").state is None
    for kind in ("codex", "claude", "demo"):
        reading = read_text(kind, "")
        assert (reading.state, reading.composer.kind) == (None, "absent")


def test_captures_hold_no_home_of_this_machine() -> None:
    homes = {
        home
        for file in FOLDER.iterdir()
        for home in re.findall(r"/(?:home|root|Users)/\w+", Path(file).read_text("utf-8"))
    }
    assert homes == {"/home/dev"}
