"""Which version on trial a dialogue fell to, and what a shadow made of turns."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the column and the table; dialogues from before fell to none."""
    op.add_column("dialogues", sa.Column("version", sa.String(20), nullable=True))
    op.create_table(
        "shadows",
        sa.Column("dialogue_id", sa.String(64), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.String(20), primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("aspects", sa.Text, nullable=False),
        sa.Column("differences", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["dialogue_id", "position"],
            ["turns.dialogue_id", "turns.position"],
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_shadows_created_at", "shadows", ["version", "created_at"])


def downgrade() -> None:
    """Forget both."""
    op.drop_table("shadows")
    op.drop_column("dialogues", "version")
