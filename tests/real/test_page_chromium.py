"""The chat page in a real Chromium: what a person sees and does."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import BotCommand, BufferedInputFile
from aiogram.utils.formatting import Bold, ExpandableBlockQuote, Pre, Text
from PIL import Image
from playwright.async_api import Page, expect

from bot.telegram.keyboards import Button, markup
from tests.integration.sandbox_client import Client, running

from .screenshots import chromium, opened

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine: apt-get install chromium"),
    # Playwright leaves the streams of its driver process to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

KEYS = [
    [Button("✅ Send 2", "d:1", style="success"), Button("✖ Cancel", "d:2", style="danger")],
    [Button("Copy", copy="tmux")],
]


async def panes() -> list[dict[str, Any]]:
    return [{"agent": "w1", "state": "working", "text": "> <b>not html</b>\nref: d3f9k2m7\n" + "wide " * 60}]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running(panes=panes) as client:
        yield client


@pytest.fixture
async def bot(client: Client) -> AsyncIterator[Bot]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(client.sandbox.origin))
    async with Bot(client.sandbox.token, session=session) as bot:
        yield bot


async def fits(page: Page) -> bool:
    """Nothing sticks out to the right."""
    wide = await page.locator("html").evaluate("e => e.scrollWidth - e.clientWidth")
    return bool(wide <= 0)


async def test_a_message_with_everything_in_it_fits_a_phone(client: Client, bot: Bot) -> None:
    owner = client.sandbox.owner
    content = Text(
        Bold("Draft k7q2"),
        "\n",
        Pre("x" * 300),
        ExpandableBlockQuote("prompt line\n" * 20),
        "<img src=x onerror=alert(1)>",
    )
    await bot.send_message(owner, **content.as_kwargs(), reply_markup=markup(KEYS))
    drawn = io.BytesIO()
    Image.new("RGB", (1200, 500), "teal").save(drawn, "PNG")
    await bot.send_photo(owner, BufferedInputFile(drawn.getvalue(), "a.png"), caption="w" * 200)
    for width in (320, 390, 1200):
        async with opened(client.sandbox.page, width=width) as page:
            await expect(page.locator(".message strong")).to_have_text("Draft k7q2")
            await expect(page.locator(".text").first).to_contain_text("<img src=x onerror=alert(1)>")
            image = page.locator("img.photo")
            await expect(image).to_have_js_property("naturalWidth", 1200)
            assert await fits(page)
            quote = page.locator(".expandable")
            before = await quote.evaluate("e => e.clientHeight")
            await page.get_by_role("button", name="Show all").click()
            assert await quote.evaluate("e => e.clientHeight") > before
            shown = await page.locator(".panes").is_visible()
            assert shown is (width == 1200)


async def test_panes_stand_beside_the_chat_as_text(client: Client) -> None:
    async with opened(client.sandbox.page, width=1200) as page:
        pane = page.get_by_role("region", name="Pane of w1")
        await expect(pane).to_contain_text("<b>not html</b>")
        await expect(pane.locator(".state")).to_have_text("working")
        assert await fits(page)


async def test_writing_menu_and_keyboard_only(client: Client, bot: Bot) -> None:
    await bot.set_my_commands(
        [
            BotCommand(command="agents", description="the board"),
            BotCommand(command="broadcast_targeted", description="draft"),
        ]
    )
    async with opened(client.sandbox.page) as page:
        box = page.get_by_role("textbox", name="Message")
        await box.fill("hello\nthere")
        await box.press("Enter")
        await expect(page.locator(".mine .text")).to_contain_text("hello")
        await box.press_sequentially("/bro")
        option = page.get_by_role("option")
        await expect(option).to_have_count(1)
        await box.press("ArrowDown")
        await expect(option).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator(".mine .text").nth(1)).to_contain_text("/broadcast_targeted")
        await page.get_by_role("button", name="Menu").click()
        await expect(page.get_by_role("option")).to_have_count(2)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("option")).to_have_count(0)
    messages = (await client.messages())["messages"]
    assert [m["text"] for m in messages] == ["hello\nthere", "/broadcast_targeted"]


async def test_of_an_edit_only_a_new_first_line_is_read_aloud(client: Client, bot: Bot) -> None:
    owner = client.sandbox.owner
    sent = (await bot.send_message(owner, "w1 works\nline 1")).message_id
    async with opened(client.sandbox.page) as page:
        message, aloud = page.locator(f'[data-id="{sent}"]'), page.locator("#edits")
        await bot.edit_message_text("w1 works\nline 2", chat_id=owner, message_id=sent)
        await expect(message).to_contain_text("line 2")
        await expect(message).to_have_attribute("aria-live", "off")
        await expect(aloud).to_be_empty()
        await bot.edit_message_text("w1 is idle\nline 2", chat_id=owner, message_id=sent)
        await expect(aloud).to_have_text("Edited: w1 is idle")
        await expect(aloud).to_have_attribute("role", "status")


async def test_what_cannot_be_sent_stays_in_the_composer(client: Client) -> None:
    async with opened(client.sandbox.page, calls_fail=True) as page:
        box, toast = page.get_by_role("textbox", name="Message"), page.locator("#toast")
        await box.fill("x" * 5000)
        await box.press("Enter")
        await expect(toast).to_contain_text("at most 4096 characters")
        await expect(box).to_have_value("x" * 5000)
        await box.fill("hello")
        await client.sandbox.stop()
        await box.press("Enter")
        await expect(toast).to_contain_text("Does it still run?")
        await expect(box).to_have_value("hello")


async def test_a_tap_its_toast_and_the_edit_in_place(client: Client, bot: Bot) -> None:
    owner = client.sandbox.owner
    sent = await bot.send_message(owner, "2 prompts", reply_markup=markup(KEYS))
    async with opened(client.sandbox.page) as page:
        send = page.get_by_role("button", name="Send 2")
        green = await send.evaluate("e => getComputedStyle(e).backgroundColor")
        red = await page.get_by_role("button", name="Cancel").evaluate("e => getComputedStyle(e).backgroundColor")
        assert green != red
        await send.click()
        await expect(send).to_have_attribute("aria-busy", "true")
        (update,) = await bot.get_updates(timeout=5)
        assert update.callback_query is not None and update.callback_query.data == "d:1"
        await bot.edit_message_text("1 of 2 taken", chat_id=owner, message_id=sent.message_id)
        await bot.answer_callback_query(update.callback_query.id, "Sent")
        await expect(page.locator("#toast")).to_have_text("Sent")
        message = page.locator(f'[data-id="{sent.message_id}"]')
        await expect(message).to_contain_text("1 of 2 taken")
        await expect(message).to_contain_text("edited")
        await expect(message.locator(".key")).to_have_count(0)
        assert await page.locator(".message").count() == 1


async def test_typing_alert_and_a_deleted_message(client: Client, bot: Bot) -> None:
    owner = client.sandbox.owner
    sent = await bot.send_message(owner, "short-lived", reply_markup=markup([[Button("Ask", "q:1")]]))
    async with opened(client.sandbox.page) as page:
        await bot.send_chat_action(owner, "typing")
        await expect(page.get_by_role("status").first).to_have_text("typing…")
        await page.get_by_role("button", name="Ask").click()
        (update,) = await bot.get_updates(timeout=5)
        assert update.callback_query is not None
        await bot.answer_callback_query(update.callback_query.id, "This draft has changed.", show_alert=True)
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("This draft has changed.")
        await page.keyboard.press("Enter")
        await expect(dialog).to_have_count(0)
        await bot.delete_message(owner, sent.message_id)
        await expect(page.locator(".message:not(.pending)")).to_have_count(0)


async def test_who_reads_older_messages_is_told_of_newer_ones(client: Client, bot: Bot) -> None:
    owner = client.sandbox.owner
    for n in range(30):
        await bot.send_message(owner, f"line {n}")
    async with opened(client.sandbox.page) as page:
        log, down = page.locator("#log"), page.locator("#down")
        await expect(page.get_by_text("line 29")).to_be_in_viewport()
        await expect(down).to_be_hidden()
        await log.evaluate("e => { e.scrollTop = 0; }")
        await expect(down).to_have_accessible_name("To the newest message")
        await bot.send_message(owner, "one more")
        await expect(down).to_have_accessible_name("To the newest, 1 new")
        await expect(page.get_by_text("line 0")).to_be_in_viewport()  # nobody was torn away from there
        await down.click()
        await expect(page.get_by_text("one more")).to_be_in_viewport()
        await expect(down).to_be_hidden()
        # What takes away room (a phone's keyboard, panes beside the chat) takes nothing out of sight.
        await page.set_viewport_size({"width": 390, "height": 500})
        await expect(page.get_by_text("one more")).to_be_in_viewport()


async def test_a_picture_is_shown_large_by_keyboard_too(client: Client, bot: Bot) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (1200, 500), "teal").save(drawn, "PNG")
    await bot.send_photo(client.sandbox.owner, BufferedInputFile(drawn.getvalue(), "a.png"), caption="The screen of w1")
    async with opened(client.sandbox.page) as page:
        small = page.get_by_role("button", name="Picture: The screen of w1")
        await small.focus()
        await page.keyboard.press("Enter")
        large = page.get_by_role("dialog", name="Picture in full size").get_by_role("img")
        await expect(large).to_have_accessible_name("Picture: The screen of w1")
        assert await large.evaluate("e => e.clientWidth") > 390  # wider than the phone: it can be read
        await page.keyboard.press("Escape")
        await expect(large).to_be_hidden()
        await expect(small).to_be_focused()


async def test_everything_can_be_reached_by_tab_and_shows_it(client: Client, bot: Bot) -> None:
    await bot.set_my_commands([BotCommand(command="agents", description="the board")])
    await bot.send_message(client.sandbox.owner, "2 prompts", reply_markup=markup(KEYS))
    outline = "e => parseFloat(getComputedStyle(e).outlineWidth) || parseFloat(getComputedStyle(e).boxShadow.length)"
    async with opened(client.sandbox.page) as page:
        await expect(page.get_by_role("button", name="Menu")).to_be_visible()
        await page.locator("#log").focus()
        reached = []
        for _ in range(6):
            await page.keyboard.press("Tab")
            focused = page.locator(":focus")
            assert await focused.evaluate(outline) > 0
            reached.append(await focused.evaluate("e => e.getAttribute('aria-label') || e.textContent.trim()"))
    assert reached == ["Reply to this message", "✅ Send 2", "✖ Cancel", "Copy", "☰Menu", "Message"]


async def test_who_wants_less_motion_gets_none(client: Client, bot: Bot) -> None:
    sent = await bot.send_message(client.sandbox.owner, "before")
    async with opened(client.sandbox.page) as page:
        await page.emulate_media(reduced_motion="reduce")
        await bot.edit_message_text("after", chat_id=client.sandbox.owner, message_id=sent.message_id)
        bubble = page.locator(".flash .bubble")
        await expect(bubble).to_contain_text("after")
        assert await bubble.evaluate("e => getComputedStyle(e).animationName") == "none"


async def test_replying_to_a_message(client: Client, bot: Bot) -> None:
    await bot.send_message(client.sandbox.owner, "Reply with the new prompt")
    async with opened(client.sandbox.page) as page:
        await page.locator(".message").hover()
        await page.get_by_role("button", name="Reply to this message").click()
        await page.keyboard.type("better words")
        await page.keyboard.press("Enter")
        await expect(page.locator(".quoted")).to_have_text("Reply with the new prompt")
    (update,) = await bot.get_updates(timeout=5)
    assert update.message is not None and update.message.reply_to_message is not None
    assert update.message.reply_to_message.text == "Reply with the new prompt"


async def test_another_person_can_be_chosen(client: Client) -> None:
    ann = (await client.post("/sandbox/users", {"name": "Ann"}))["id"]
    async with opened(client.sandbox.page) as page:
        await page.get_by_label("Chat and person").select_option(label="Ann")
        await page.get_by_role("textbox", name="Message").fill("/pair CODE")
        await page.keyboard.press("Enter")
        await expect(page.locator(".mine")).to_have_count(1)
    messages = (await client.messages(chat=ann))["messages"]
    assert [m["from"]["first_name"] for m in messages] == ["Ann"]


async def test_dark_and_light_differ_and_both_can_be_read(client: Client, bot: Bot) -> None:
    await bot.send_message(client.sandbox.owner, "readable")
    contrast = """e => {
        const rgb = (c) => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
        const light = (c) => rgb(c).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
        const style = getComputedStyle(e);
        const [a, b] = [light(style.color), light(style.backgroundColor)].sort();
        return [(b + .05) / (a + .05), style.backgroundColor];
    }"""
    found = {}
    for dark in (False, True):
        async with opened(client.sandbox.page, dark=dark) as page:
            ratio, colour = await page.locator(".bubble").evaluate(contrast)
            assert ratio >= 7
            found[dark] = colour
    assert found[False] != found[True]


async def test_without_the_key_the_page_says_what_to_do(client: Client) -> None:
    from playwright.async_api import async_playwright

    from .screenshots import ARGS

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=ARGS)
        page = await browser.new_page()
        await page.goto(client.sandbox.origin)
        await expect(page.locator("#status")).to_contain_text("open the address that maf printed")
        await browser.close()


async def test_a_bot_that_comes_back_finds_the_page_waiting(client: Client, bot: Bot) -> None:
    """The page goes on by itself after its server was away."""
    for n in range(3):
        await bot.send_message(client.sandbox.owner, f"before {n}")
    async with opened(client.sandbox.page, calls_fail=True) as page:
        await client.sandbox.stop()
        await expect(page.locator("#status")).to_contain_text("trying again", timeout=20_000)
        await client.sandbox.start()
        await bot.send_message(client.sandbox.owner, "back again")
        await expect(page.get_by_text("back again")).to_be_visible(timeout=20_000)
        await expect(page.locator(".message")).to_have_count(1)  # a new server without the old chats
