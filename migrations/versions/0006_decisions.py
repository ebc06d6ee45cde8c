"""What a person decided about a prompt that was typed and not proven."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("decision", sa.String(), nullable=True))
    # Until now it could be read only from how the reason began.
    op.execute("UPDATE deliveries SET decision = 'left' WHERE reason LIKE 'Left as it is by %'")
    op.execute("UPDATE deliveries SET decision = 'resent' WHERE reason LIKE 'Sent again as %'")


def downgrade() -> None:
    with op.batch_alter_table("deliveries") as table:
        table.drop_column("decision")
