"""Tables, one module per noun. Importing this package makes Base.metadata complete."""

from bot.store.tables.agents import AgentRow
from bot.store.tables.base import Base, UtcDateTime
from bot.store.tables.broadcast import ClaimRow, DeliveryRow, DraftRow, DraftViewRow, ItemRow
from bot.store.tables.chat import (
    AuditRow,
    ChatRow,
    ClosedChatRow,
    OutboxRow,
    PairCodeRow,
    PersonRow,
    SettingRow,
    UpdateRow,
)
from bot.store.tables.fleet import LimitStopRow, RotationRow, SelfActionRow
from bot.store.tables.mail import AnnouncementRow, ReservationRow
from bot.store.tables.permissions import PermissionRow
from bot.store.tables.quota import QuotaBucketRow, QuotaEventRow, QuotaFileRow, QuotaReadingRow, QuotaToldRow

__all__ = [
    "AgentRow",
    "AnnouncementRow",
    "AuditRow",
    "Base",
    "ChatRow",
    "ClaimRow",
    "ClosedChatRow",
    "DeliveryRow",
    "DraftRow",
    "DraftViewRow",
    "ItemRow",
    "LimitStopRow",
    "OutboxRow",
    "PairCodeRow",
    "PermissionRow",
    "PersonRow",
    "QuotaBucketRow",
    "QuotaEventRow",
    "QuotaFileRow",
    "QuotaReadingRow",
    "QuotaToldRow",
    "ReservationRow",
    "RotationRow",
    "SelfActionRow",
    "SettingRow",
    "UpdateRow",
    "UtcDateTime",
]
