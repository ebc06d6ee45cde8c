"""The CLI's files of one agent, followed from before the paste on. Blocking: for a thread."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

from bot.agents.delivery.evidence import Proof, has_ref, is_ours, match
from bot.agents.delivery.model import Delivery
from bot.agents.environment import ProfileSetup
from bot.agents.model import Agent, Announcement
from bot.agents.state.watch import Look, Watch
from bot.clis.kinds import cli_for
from bot.clis.model import State
from bot.clis.tail import LOOKED_AT, tail_offset
from bot.clis.text import normal
from bot.tmux.processes import Process


class Trail:
    """Follows the files of one agent from before the paste on. `path` and `offset` are where its conversation stood,
    `clis` the processes that Enter goes to, `idle` whether the agent did nothing then."""

    def __init__(
        self,
        agent: Agent,
        setup: ProfileSetup,
        delivery: Delivery,
        *,
        path: Path | None,
        announced: Callable[[str, datetime], list[Announcement]],
        clis: Collection[Process] = (),
        idle: bool = False,
    ) -> None:
        self.agent = agent
        self.clis = frozenset((process.pid, process.starttime) for process in clis)
        self.idle = idle
        self.entered_at: datetime | None = None  # when we pressed Enter
        self._announced = announced
        self._setup = setup
        self._delivery = delivery
        self._ref = delivery.id if has_ref(delivery) else ""
        self.path = path
        self._offset = _size(path)
        # What stands beyond the place where the file ended then is newer, whatever the clocks say.
        self._since: datetime | None = None
        self._looks = 0
        self.proof = Proof()

    def announced(self) -> list[Announcement]:
        """What the CLI's hooks told of our text: it went off. Whether it was accepted only the record tells."""
        wanted = normal(self._delivery.text)
        told = self._announced(self.agent.id, self._delivery.created_at)
        return [one for one in told if is_ours(normal(one.text), wanted, self._ref)]

    def read(self, *, search: bool = False) -> Proof:
        """Read on. Every few calls, or when told to, other files of the agent's home are searched too: the first prompt
        of a conversation begins a new file. Where a hook told which it is, that one is read at once."""
        self._looks += 1
        told = self.announced()
        turns = {one.turn for one in told if one.turn}
        if not self.proof.submitted and told and told[-1].transcript not in (None, self.path):
            self._turn_to(told[-1].transcript)
        self._read_on(turns)
        if not self.proof.submitted and (search or self.path is None or self._looks % 5 == 0):
            self._search(turns)
        return self.proof

    def _read_on(self, turns: Collection[str]) -> None:
        while self.path is not None:
            entries, end = cli_for(self.agent.kind).entries(self.path, self._offset)
            fresh = [one for one in entries if self._since is None or one.at is None or one.at >= self._since]
            self.proof = match(self.proof, fresh, text=self._delivery.text, ref=self._ref, told=turns)
            if end == self._offset:
                return
            self._offset = end

    def _search(self, turns: Collection[str]) -> None:
        delivery, cli = self._delivery, cli_for(self.agent.kind)
        home, workdir, since = self._setup.home, self.agent.workdir, delivery.created_at
        found = cli.find(home=home, workdir=workdir, ref=self._ref, text=delivery.text, since=since)
        path = found.path if found is not None else self.path
        for pid, _ in self.clis if path is None else ():
            # Of a prompt that was turned away nothing may be on record to find it by.
            own = cli.conversation(home=home, workdir=workdir, pid=pid, known=None, since=since)
            path = own.path if own is not None else path
        if path is not None and path != self.path:
            self._turn_to(path)
            self._read_on(turns)

    def _turn_to(self, path: Path | None) -> None:
        """Read another file from near its end; older lines in it are told by their time."""
        self.path, self._since = path, self._delivery.created_at
        self._offset = tail_offset(path, LOOKED_AT) if path is not None else 0


def _size(path: Path | None) -> int:
    try:
        return path.stat().st_size if path is not None else 0
    except OSError:
        return 0


def trail_of(watch: Watch, look: Look, delivery: Delivery) -> Trail:
    """Begin to follow the agent's files from where they are now. Blocks for a stat."""
    agent = look.view.agent
    return Trail(
        agent,
        watch.profiles(agent),
        delivery,
        path=look.files.path,
        announced=watch.announced,
        clis=look.clis,
        idle=look.view.state is State.IDLE,
    )
