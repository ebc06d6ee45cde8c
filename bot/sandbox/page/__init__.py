"""The chat page: a few files, served as they are, with no build step and nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

_FILES = {
    "": ("index.html", "text/html"),
    "app.js": ("app.js", "text/javascript"),
    "chat.js": ("chat.js", "text/javascript"),
    "menu.js": ("menu.js", "text/javascript"),
    "panes.js": ("panes.js", "text/javascript"),
    "style.css": ("style.css", "text/css"),
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def page_routes() -> list[web.RouteDef]:
    return [web.get(f"/{name}", _show) for name in _FILES] + [web.get("/favicon.ico", _no_icon)]


async def _show(request: web.Request) -> web.Response:
    name, kind = _FILES[request.path.lstrip("/")]
    text = (Path(__file__).parent / name).read_text(encoding="utf8")
    return web.Response(text=text, content_type=kind, headers=_HEADERS)


async def _no_icon(_request: web.Request) -> web.Response:
    return web.Response(status=204)
