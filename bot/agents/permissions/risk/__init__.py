"""The risk of an agent's request: what it would do, as far as that is proven. Pure.

It informs the person who decides, and decides nothing. "only reads" and "outside the workspace: no" are said where
every word is literal and the program and its options are on a list whose grammar is known here. All else may do
anything, and what was recognised in it is added. Taken for granted: bash or zsh as they come, and that a program's name
means the program; what an alias, a function or a variable of the environment made of it is not seen.
"""

from bot.agents.permissions.risk.judge import risk_of
from bot.agents.permissions.risk.model import Effect, Named, Risk
from bot.agents.permissions.risk.places import secret
from bot.agents.permissions.risk.tools import EDITS, NAMED_FILE, patched, risk_of_dialog, risk_of_edit, risk_of_tool

__all__ = [
    "EDITS",
    "NAMED_FILE",
    "Effect",
    "Named",
    "Risk",
    "patched",
    "risk_of",
    "risk_of_dialog",
    "risk_of_edit",
    "risk_of_tool",
    "secret",
]
