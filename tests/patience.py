"""How long a test waits for what must come true. Waiting costs nothing where it does, so this is for a slow and loaded
machine; that something does not happen is never proved by waiting so long."""

from __future__ import annotations

PATIENCE_S = 60.0
