"""Files that another process may read at any moment: replaced in one step, so that nobody ever sees half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Put `content` (a text as UTF-8, its line ends as they are) in the place of what stands at `path`.

    The folder must be there. Raises OSError, which names `path`; then the old file stands as it was, and nothing is
    left beside it.
    """
    fresh = None
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        fresh = Path(beside)
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        fresh.chmod(mode)
        fresh.replace(path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None  # nobody has heard of the file beside it
        raise
    finally:
        if fresh is not None:
            fresh.unlink(missing_ok=True)
