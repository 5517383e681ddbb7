"""Examples: utterances labelled by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "examples",
        sa.Column("example_id", sa.String(64), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("intent", sa.String(128), nullable=True),
        sa.Column("belief_state", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_examples_created_at", "examples", ["created_at"])


def downgrade() -> None:
    """Drop every example."""
    op.drop_table("examples")
