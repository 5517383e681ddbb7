"""Whose token began each dialogue."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the column; dialogues from before are nobody's, and so only an admin's."""
    op.add_column("dialogues", sa.Column("owner", sa.String(64), nullable=True))
    op.create_index("ix_dialogues_owner", "dialogues", ["owner"])


def downgrade() -> None:
    """Forget whose they are."""
    op.drop_index("ix_dialogues_owner", "dialogues")
    op.drop_column("dialogues", "owner")
