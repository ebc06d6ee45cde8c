"""Drives the chat page in a real Chromium, and takes the picture of the README (with a font that has emoji, please)."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from PIL import Image
from playwright.async_api import Page, async_playwright

COLOURS = 250
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str | None:
    """The path of a Chromium on this machine, or None."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in found if path), None)


@asynccontextmanager
async def opened(
    address: str, *, width: int = 390, height: int = 844, dark: bool = False, calls_fail: bool = False
) -> AsyncIterator[Page]:
    """The page in a new browser, connected; errors of the page fail the caller when it ends.

    `calls_fail`: the server is stopped meanwhile, or refuses something: then the browser's word of that is no error.
    """
    problems: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=ARGS)
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            device_scale_factor=2,
            locale="en-GB",
            timezone_id="UTC",
        )
        page = await context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.set_default_timeout(15_000)
        await page.goto(address)
        await page.locator("#log > *").first.wait_for()  # its messages, or the word that there are none
        try:
            yield page
        finally:
            await browser.close()
    problems = [p for p in problems if not (calls_fail and ("net::ERR_" in p or "Failed to load resource" in p))]
    if problems:
        raise AssertionError("the page reported: " + "; ".join(problems))


async def save_picture(address: str, to: Path, *, width: int, height: int, shows: str) -> None:
    """A small PNG of the page at `address`, once the text `shows` stands on it."""
    async with opened(address, width=width, height=height) as page:
        await page.locator(".log").get_by_text(shows).last.wait_for()
        await page.locator(".pane pre", has_text="Type a task").last.wait_for()
        drawn = await page.screenshot(scale="css")
    to.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(drawn)) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(to, optimize=True)


async def take(to: Path) -> None:
    """The picture of the README, from the real thing: `maf up` in a new home, and one broadcast drafted in it."""
    with TemporaryDirectory(prefix="maf-") as folder:
        up_argv = ["up", "--home", f"{folder}/.maf", "--port", "0", "--no-browser", "--json"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.cli", *up_argv, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            up = json.loads(await asyncio.wait_for(process.stdout.readline(), 120))
            body = {"from": up["owner"], "text": "/broadcast-targeted"}
            async with aiohttp.ClientSession(headers={"X-Sandbox-Key": up["key"]}) as session:
                path = f"{up['api']}/sandbox/chats/{up['chat']}/messages"
                async with session.post(path, json=body) as answer:
                    answer.raise_for_status()
            await save_picture(up["page"], to, width=1200, height=820, shows="Good until")
        finally:
            process.terminate()
            await process.wait()


if __name__ == "__main__":
    asyncio.run(take(Path(__file__).resolve().parents[2] / "deploy" / "screenshots" / "draft.png"))
