"""Permissions of the real Codex and the real Claude Code, answered from the chat: with hooks, and with keys alone."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.agents.permissions.answering import SETTLE_S, AskChanged
from bot.agents.permissions.rows import Ask, mark
from bot.agents.permissions.service import Answered, Reply
from bot.clis.model import Dialog, State
from tests.flow.product import answered, button, until
from tests.patience import PATIENCE_S
from tests.real.product import RealProduct, real_product

pytestmark = pytest.mark.every_version

TIMES = 20


@pytest.fixture(params=["codex-hooks", "codex-keys", "claude-hooks", "claude-keys"])
async def real(request: pytest.FixtureRequest) -> AsyncIterator[RealProduct]:
    kind, way = str(request.param).split("-")
    with tempfile.TemporaryDirectory(prefix="maf-p", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), kind, hooks=way == "hooks") as made:
            yield made


def hooked(real: RealProduct) -> bool:
    return bool(real.p.app.services.hook_setup.status(real.home, real.kind).events)


async def asked(real: RealProduct, after: int = 0) -> dict[str, Any]:
    """The card of what it asks, newer than message `after`, with the buttons of its CLI."""
    return await real.p.message(lambda m: m["message_id"] > after and m["text"].startswith("✋") and bool(m["buttons"]))


def labels(card: dict[str, Any]) -> list[str]:
    return [str(b["label"]) for row in card["buttons"] for b in row]


def refusal(tap: dict[str, Any]) -> bool:
    return any(answered(tap, words) for words in ("answered already", "something else", "any more"))


def yes(card: dict[str, Any]) -> str:
    return next(label for label in labels(card) if label in ("Yes", "Yes, proceed"))


async def tapped(real: RealProduct, card: dict[str, Any], label: str, becomes: str) -> dict[str, Any]:
    """Tap until the card says so. On a busy machine a CLI may not take the key, or draw while it is pressed: the card
    stays as it is then, and is tapped again."""
    answers = []
    for _ in range(3):
        answers.append(await real.p.client.press(card["message_id"], label))
        with contextlib.suppress(AssertionError):
            return await real.p.message(
                lambda m: m["message_id"] == card["message_id"] and becomes in m["text"], within=PATIENCE_S / 2
            )
    raise AssertionError(f"not {becomes!r} after {answers}; the screen is {real.screen}")


async def test_yes_no_and_words_for_the_agent(real: RealProduct) -> None:
    done = await real.prompt("SHELL first")
    assert done["status"] in ("submitted", "started"), (done, real.screen)
    card = await asked(real)
    assert "w1 wants to run" in card["text"]
    command = real.p.app.services.permissions.open()[0].command
    assert command.startswith("touch "), command
    assert command in card["text"]
    await real.becomes(State.WAITING)
    done = await tapped(real, card, yes(card), "✅ w1: Yes")
    if real.kind == "codex":  # no dialog is drawn beside its hook, so nothing else changes the card
        assert done["edits"] - card["edits"] == 1, "a message is edited once in some seconds: the end was told late"
    target = real.p.project / command.split()[1]
    await until(target.exists, "the file that was allowed")
    await real.becomes(State.IDLE)
    target.unlink()

    await real.prompt("SHELL second")
    card = await asked(real, card["message_id"])
    await real.p.client.press(card["message_id"], "No")
    await real.p.becomes(card["message_id"], lambda m: "✖ w1: No" in m["text"])
    await real.becomes(State.IDLE)
    assert not target.exists()

    await real.prompt("SHELL third")
    card = await asked(real, card["message_id"])
    await real.p.client.press(card["message_id"], button(card, "No, and tell"))
    question = await real.p.message(lambda m: "Reply to this message" in m["text"])
    await real.p.client.say("use the build folder instead", reply_to=question["message_id"])
    await real.p.becomes(card["message_id"], lambda m: "use the build folder" in m["text"] and not m["buttons"])
    await until(lambda: _reached(real, "use the build folder instead"), "the words at the model")
    assert not target.exists()


def _reached(real: RealProduct, words: str) -> bool:
    return any(words in text for r in real.models.requests for text in (*r.new, *r.results))


async def test_the_first_answer_wins_and_it_may_be_at_the_pane(real: RealProduct) -> None:
    await real.prompt("SHELL please")
    card = await asked(real)
    told = "answered in its pane"
    if hooked(real) and real.kind == "codex":
        await real.keys("Escape")  # it shows no dialog while its hook waits; this stops the turn, and answers nothing
        told = "nothing to answer any more"
    else:
        (ask,) = open_asks(real)
        clock = real.p.app.services.clock
        # No person is quicker, and Claude takes no keys in the first moment of its dialog.
        await until(lambda: (clock.now() - ask.created_at).total_seconds() > 2 * SETTLE_S, "a person's reaction")
        await real.keys("1")
    ended = await real.p.becomes(card["message_id"], lambda m: told in m["text"])
    assert not ended["buttons"]
    late = await real.p.client.press(card["message_id"], yes(card))
    assert refusal(late), late
    await real.becomes(State.IDLE)
    assert real.look.reading is not None
    assert not real.look.reading.composer.holds_text


@pytest.mark.parametrize("real", ["codex-keys", "claude-keys", "claude-hooks"], indirect=True)
async def test_a_yes_is_not_claimed_when_esc_at_the_pane_was_first(real: RealProduct) -> None:
    """Both at once, in several orders: no yes is claimed without the file, and no key of ours is left behind."""
    permissions = real.p.app.services.permissions
    for gap in (0.0, 0.01, 0.03, 0.06):
        await real.prompt("SHELL now")
        await until(lambda: bool(open_asks(real)) and _dialog(real) is not None, "the question")
        await until(lambda: bool(open_asks(real)[0].fingerprint), "its dialog beside it")
        (ask,) = open_asks(real)
        target = real.p.project / ask.command.split()[1]
        answer = asyncio.create_task(permissions.answer(ask.card, mark([ask]), 0, Reply("Olga", "chat:1")))
        await asyncio.sleep(gap)
        await real.keys("Escape")
        (told,) = await asyncio.gather(answer, return_exceptions=True)
        await real.becomes(State.IDLE, State.COMPOSING)
        if isinstance(told, AskChanged):
            await until(lambda: not open_asks(real), "the end of the question")
        else:
            assert isinstance(told, Answered), told
            await until(target.exists, "the file that was allowed")
        await until(lambda: _composed(real) not in {"1", "y"}, "a composer without our key")
        await real.keys("C-u")
        await real.becomes(State.IDLE)
        target.unlink(missing_ok=True)


@pytest.mark.parametrize("real", ["claude-hooks", "claude-keys"], indirect=True)
async def test_a_no_is_not_claimed_when_a_yes_at_the_pane_was_first(real: RealProduct) -> None:
    permissions = real.p.app.services.permissions
    for gap in (0.0, 0.03):
        await real.prompt("SHELL now")
        await until(lambda: bool(open_asks(real)) and bool(open_asks(real)[0].fingerprint), "the question")
        (ask,) = open_asks(real)
        target = real.p.project / ask.command.split()[1]
        no = next(n for n, choice in enumerate(ask.choices) if choice.grant == "no")
        answer = asyncio.create_task(permissions.answer(ask.card, mark([ask]), no, Reply("Olga", "chat:1")))
        await asyncio.sleep(gap)
        await real.keys("1")
        (told,) = await asyncio.gather(answer, return_exceptions=True)
        await real.becomes(State.IDLE, State.COMPOSING)
        await until(lambda: not open_asks(real), "the end of the question")
        ran = target.exists()
        assert isinstance(told, AskChanged if ran else Answered), (told, real.screen)
        await real.keys("C-u")
        await real.becomes(State.IDLE)
        target.unlink(missing_ok=True)


@pytest.mark.timeout(600)
async def test_a_changed_question_is_refused_each_time(real: RealProduct) -> None:
    """Between card and tap the question is answered at the pane and another one, in the same words, comes up."""
    refused, target = 0, None
    await real.prompt("SHELL 0")
    card = await asked(real)
    for number in range(1, TIMES + 1):
        before = {ask.id for ask in open_asks(real)}
        await escaped(real)
        await real.keys("C-u")
        await real.becomes(State.IDLE)
        done = await real.prompt(f"SHELL {number}")
        assert done["status"] in ("submitted", "started"), (done, real.screen)
        ask = await next_ask(real, before)
        target = real.p.project / ask.command.split()[1]
        answer = await real.p.client.press(card["message_id"], yes(card))
        assert refusal(answer), answer
        refused += 1
        await real.p.app.services.watch.look([real.agent])
        assert _stands(real, before), real.screen  # the new one waits still
        assert not target.exists()
        card = await asked(real, card["message_id"])
    assert refused == TIMES
    # The newest card is the one that counts.
    await real.p.client.press(card["message_id"], yes(card))
    assert target is not None
    await until(target.exists, "the file that was allowed")


async def escaped(real: RealProduct) -> None:
    """Somebody presses Esc at the pane, and again if nothing came of it: Codex takes none while it begins its hook."""
    for _ in range(3):
        await real.keys("Escape")
        with contextlib.suppress(AssertionError):
            await real.becomes(State.IDLE, State.COMPOSING, within=8)
            return
        assert real.state is State.WAITING, real.screen  # an idle Codex must not get one
    raise AssertionError(f"Esc did nothing\n{real.screen}")


async def next_ask(real: RealProduct, before: set[str]) -> Ask:
    """The question that comes up beside those."""
    await until(lambda: _stands(real, before), "the next question")
    (ask,) = [ask for ask in open_asks(real) if ask.id not in before]
    return ask


def open_asks(real: RealProduct) -> list[Ask]:
    return real.p.app.services.permissions.open()


def _stands(real: RealProduct, before: set[str]) -> bool:
    """A question that was not there `before` waits in its hook, or as a dialog where there is none."""
    new = [ask for ask in open_asks(real) if ask.id not in before]
    waits = real.p.app.services.hooks.asking(real.agent) if hooked(real) else _dialog(real) is not None
    return bool(new) and waits


def _composed(real: RealProduct) -> str:
    return real.look.reading.composer.text if real.look.reading is not None else ""


def _dialog(real: RealProduct) -> Dialog | None:
    return real.look.reading.dialog if real.look.reading is not None else None


@pytest.mark.parametrize("real", ["codex-hooks"], indirect=True)
async def test_codex_asks_in_its_own_pane_when_the_time_of_its_hook_is_up(real: RealProduct) -> None:
    real.p.app.services.permissions.holding.codex_wait = timedelta(seconds=4)
    await real.prompt("SHELL and wait")
    card = await asked(real)
    assert "then it asks in its pane" in card["text"]
    assert _dialog(real) is None
    card = await real.p.becomes(card["message_id"], lambda m: any("don't ask again" in label for label in labels(m)))
    assert _dialog(real) is not None
    assert "then it asks in its pane" not in card["text"]
    await real.p.client.press(card["message_id"], "Yes, proceed")
    await real.p.becomes(card["message_id"], lambda m: "✅ w1: Yes, proceed" in m["text"])
    await real.becomes(State.IDLE)
    await real.prompt("SHELL and let go")
    card = await asked(real, card["message_id"])
    await real.p.client.press(card["message_id"], "⋯ More choices")
    card = await real.p.becomes(card["message_id"], lambda m: any("don't ask again" in label for label in labels(m)))
    await real.p.client.press(card["message_id"], button(card, "don't ask again"))
    sure = await real.p.becomes(card["message_id"], lambda m: "Sure?" in m["text"])
    await real.p.client.press(card["message_id"], button(sure, "✔"))
    await real.p.becomes(card["message_id"], lambda m: "don't ask again" in m["text"] and "✅" in m["text"])
    await real.becomes(State.IDLE)
    await real.prompt("SHELL once more")
    await real.becomes(State.WORKING, State.IDLE)
    await real.becomes(State.IDLE)
    assert len([m for m in await real.p.all() if m["text"].startswith("touch ")]) == 2  # it was granted for good
    assert not open_asks(real)
