"""Beads: the tasks of a project, read and claimed with `bd`, or read from its JSONL export."""

from bot.beads.bd import BeadsError
from bot.beads.book import BeadsBook, Gathered, NoBeads
from bot.beads.client import Beads, BeadsReadOnly, BeadTaken, Snapshot
from bot.beads.model import Bead

__all__ = ["Bead", "BeadTaken", "Beads", "BeadsBook", "BeadsError", "BeadsReadOnly", "Gathered", "NoBeads", "Snapshot"]
