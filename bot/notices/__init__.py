"""Notices: durable rows of what a person is to be told. The outbox worker renders and sends them.

A use case posts in the same transaction as the fact it tells of, so that neither exists without the other.
"""

from bot.notices.bell import Bell
from bot.notices.rows import kind_of, post, touch

__all__ = ["Bell", "kind_of", "post", "touch"]
