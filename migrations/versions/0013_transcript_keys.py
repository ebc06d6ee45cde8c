"""A response of Claude Code is known by its message id alone: a fork repeats it under another session id."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OLD = "key LIKE 'claude:%:%'"  # claude:SESSION:MESSAGE


def upgrade() -> None:
    find = "instr" if op.get_bind().dialect.name == "sqlite" else "strpos"
    message = f"substr(key, 8 + {find}(substr(key, 8), ':'))"
    first = f"SELECT min(key) FROM quota_events WHERE {OLD} GROUP BY {message}"  # noqa: S608 - no foreign text
    op.execute(f"DELETE FROM quota_events WHERE {OLD} AND key NOT IN ({first})")  # noqa: S608
    op.execute(f"UPDATE quota_events SET key = 'claude:' || {message} WHERE {OLD}")  # noqa: S608


def downgrade() -> None:
    """Nothing: the earlier version takes any key, and reads on where it stopped."""
