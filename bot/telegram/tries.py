"""How often an account may try a pair code, and how many tries are written down. Pure: the caller gives the moment."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

FREE = 5
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(minutes=10)
# Who has not tried for this long begins anew.
FORGET = timedelta(minutes=30)
MOST_ACCOUNTS = 10_000  # that are remembered, the ones that tried last


@dataclass(slots=True)
class _Account:
    tries: int
    last: datetime


class Tries:
    """Wrong tries by account. The first few are free, then each needs a pause that doubles."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[int, _Account] = OrderedDict()

    def may(self, user_id: int, now: datetime) -> bool:
        """Whether a try of this account is looked at now."""
        account = self._accounts.get(user_id)
        return account is None or now - account.last >= self._pause(account)

    def count(self, user_id: int, now: datetime) -> None:
        """A try of this account is looked at; `forget` it if it was right."""
        account = self._accounts.pop(user_id, None)
        tries = account.tries + 1 if account is not None and now - account.last < FORGET else 1
        self._accounts[user_id] = _Account(tries, now)
        while len(self._accounts) > MOST_ACCOUNTS:
            self._accounts.popitem(last=False)

    def forget(self, user_id: int) -> None:
        self._accounts.pop(user_id, None)

    @staticmethod
    def _pause(account: _Account) -> timedelta:
        over = account.tries - FREE
        return min(FIRST_PAUSE * 2 ** min(over, 10), LONGEST_PAUSE) if over >= 0 else timedelta(0)


MOST_ROWS, WITHIN = 50, timedelta(hours=1)


@dataclass(slots=True)
class Budget:
    """How many rows strangers may have us write, all of them together."""

    spent: deque[datetime] = field(default_factory=deque)

    def spend(self, now: datetime) -> bool:
        """Whether one more may be written."""
        while self.spent and now - self.spent[0] > WITHIN:
            self.spent.popleft()
        if len(self.spent) >= MOST_ROWS:
            return False
        self.spent.append(now)
        return True
