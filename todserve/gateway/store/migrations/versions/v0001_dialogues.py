"""Dialogues, turns and corrections."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the first tables; spelled out, since ``tables`` goes on changing and this does not."""
    op.create_table(
        "dialogues",
        sa.Column("dialogue_id", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.String(256), nullable=True),
        sa.Column("sender", sa.String(256), nullable=True, unique=True),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("turns", sa.Integer, nullable=False),
        sa.Column("last_user", sa.Text, nullable=True),
        sa.Column("low_confidence", sa.Boolean, nullable=False),
        sa.Column("unparsed", sa.Boolean, nullable=False),
        sa.Column("disagreement", sa.Boolean, nullable=False),
        sa.Column("lease_holder", sa.String(64), nullable=True),
        sa.Column("lease_until", sa.BigInteger, nullable=True),
    )
    op.create_index("ix_dialogues_user_id", "dialogues", ["user_id"])
    op.create_index("ix_dialogues_created_at", "dialogues", ["created_at"])
    op.create_table(
        "turns",
        sa.Column(
            "dialogue_id",
            sa.String(64),
            sa.ForeignKey("dialogues.dialogue_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.String(128), nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("answer", sa.JSON, nullable=False),
        sa.Column("timing_ms", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("dialogue_id", "message_id"),
    )
    op.create_table(
        "corrections",
        sa.Column("dialogue_id", sa.String(64), primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["dialogue_id", "position"],
            ["turns.dialogue_id", "turns.position"],
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    """Drop everything that was remembered."""
    for name in ("corrections", "turns", "dialogues"):
        op.drop_table(name)
