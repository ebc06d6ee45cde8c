"""`maf` as people and scripts meet it: real processes in a folder with a home, on a tmux server of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE_S
from tests.private_tmux import end_server

MAF = [sys.executable, "-m", "bot.cli"]


class Shop:
    """A folder with a home in it, a tmux server of its own, and `maf` to run there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / ".maf"
        plain = {key: value for key, value in os.environ.items() if not key.startswith("MAF_")}
        root = str(Path(__file__).parents[2])
        self.env = {**plain, "PYTHONPATH": root, "MAF_TMUX_SOCKET": str(folder / "t")}

    def maf(self, *words: str, code: int | None = 0, **env: str) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(
            [*MAF, *words],
            cwd=self.folder,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert "Traceback" not in ran.stdout + ran.stderr
        if code is not None:
            assert ran.returncode == code, ran.stdout + ran.stderr
        return ran

    def read(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.maf(*words, "--json", code=code).stdout)

    @contextmanager
    def up(self, *words: str, **env: str) -> Iterator[dict[str, Any]]:
        """`maf up --json` until the block ends; what it printed."""
        command = [*MAF, "up", "--json", "--port", "0", *words]
        with subprocess.Popen(
            command, cwd=self.folder, env={**self.env, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert line, process.stderr.read()
            try:
                yield json.loads(line)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=PATIENCE_S)
                assert "Traceback" not in process.stderr.read()
            assert process.returncode == 0

    def end(self) -> None:
        """End its tmux server."""
        end_server(self.env["MAF_TMUX_SOCKET"])
