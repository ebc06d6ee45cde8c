"""Prompt packs: plan-specific labels, guardrails, test commands and protocols."""

from bot.packs.library import PackEntry, Packs
from bot.packs.model import Brief, Pack, PackError

__all__ = ["Brief", "Pack", "PackEntry", "PackError", "Packs"]
