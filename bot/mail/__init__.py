"""Agent Mail: what the agents of a project are told there."""

from bot.mail.announcements import Announcements, announce
from bot.mail.client import AgentMail, MailDown, MailRefused
from bot.mail.letters import Letter

__all__ = ["AgentMail", "Announcements", "Letter", "MailDown", "MailRefused", "announce"]
