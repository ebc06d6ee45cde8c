"""Files in messages, as the Bot API shows them: the part of a Message that holds a photo or a document."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, UnidentifiedImageError

from bot.sandbox.answers import ApiError, Upload
from bot.sandbox.world import World

MAX_PHOTO, MAX_UPLOAD = 10 * 1024 * 1024, 50 * 1024 * 1024


def photo(world: World, upload: Upload | None) -> dict[str, Any]:
    """Keep a picture; {"photo": [PhotoSize]}. Raises ApiError for what Telegram takes for no photo."""
    if upload is None:
        raise ApiError(400, "Bad Request: there is no photo in the request")
    if len(upload.content) > MAX_PHOTO:
        raise ApiError(413, "Request Entity Too Large")
    try:
        with Image.open(io.BytesIO(upload.content)) as image:
            width, height = image.size
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        raise ApiError(400, "Bad Request: IMAGE_PROCESS_FAILED") from None
    if width + height > 10_000 or max(width, height) > 20 * min(width, height):
        raise ApiError(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
    file_id = world.add_file(upload)
    size = {"file_id": file_id, "file_unique_id": file_id[:12], "width": width, "height": height}
    return {"photo": [size | {"file_size": len(upload.content)}]}


def document(world: World, upload: Upload | None) -> dict[str, Any]:
    """Keep a file; {"document": Document}. Raises ApiError for an empty or a too large one."""
    if upload is None:
        raise ApiError(400, "Bad Request: there is no document in the request")
    if not upload.content:
        raise ApiError(400, "Bad Request: file must be non-empty")
    if len(upload.content) > MAX_UPLOAD:
        raise ApiError(413, "Request Entity Too Large")
    file_id = world.add_file(upload)
    named = {"file_id": file_id, "file_unique_id": file_id[:12], "file_name": upload.name}
    return {"document": named | {"mime_type": upload.mime, "file_size": len(upload.content)}}
