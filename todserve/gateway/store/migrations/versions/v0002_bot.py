"""What the bot made of each turn, and which dialogues a person has taken over."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the columns; turns from before have no bot, and dialogues no person."""
    op.add_column("turns", sa.Column("bot", sa.JSON, nullable=True))
    op.add_column(
        "dialogues",
        sa.Column("handed_off", sa.Boolean, nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    """Drop what the bot said and did."""
    op.drop_column("turns", "bot")
    op.drop_column("dialogues", "handed_off")
