"""The store's SQL tables, in SQLAlchemy Core: dialogues, turns, corrections, examples.

The store's modules read and write them; ``migrations/`` makes them. Times are whole microseconds
since 1970 (UTC), so that they compare alike in every database.
Example: ``select(turns).where(turns.c.dialogue_id == dialogue_id).order_by(turns.c.position)``.
"""

import sqlalchemy as sa

metadata = sa.MetaData()

dialogues = sa.Table(
    "dialogues",
    metadata,
    sa.Column("dialogue_id", sa.String(64), primary_key=True),
    sa.Column("user_id", sa.String(256), nullable=True, index=True),
    # The REST channel's sender whose dialogue this is at present; unique, so that two first
    # messages at once cannot begin two.
    sa.Column("sender", sa.String(256), nullable=True, unique=True),
    sa.Column("model", sa.String(128), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False, index=True),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("turns", sa.Integer, nullable=False),
    sa.Column("last_user", sa.Text, nullable=True),
    sa.Column("low_confidence", sa.Boolean, nullable=False),
    sa.Column("unparsed", sa.Boolean, nullable=False),
    sa.Column("disagreement", sa.Boolean, nullable=False),
    # Who may append at present and until when; see ``leases``.
    sa.Column("lease_holder", sa.String(64), nullable=True),
    sa.Column("lease_until", sa.BigInteger, nullable=True),
    # Whether a person has taken over, and the bot is silent.
    sa.Column("handed_off", sa.Boolean, nullable=False, server_default=sa.false()),
    # Whose token began it; null where none was asked for.
    sa.Column("owner", sa.String(64), nullable=True, index=True),
    sa.Column("refused", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("outside", sa.Boolean, nullable=False, server_default=sa.false()),
    # The version on trial that it fell to when it began; null where it fell to none.
    sa.Column("version", sa.String(20), nullable=True),
)

turns = sa.Table(
    "turns",
    metadata,
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
    # What the bot made of the answer; null where there was none.
    sa.Column("bot", sa.JSON(none_as_null=True), nullable=True),
    sa.UniqueConstraint("dialogue_id", "message_id"),
)

examples = sa.Table(
    "examples",
    metadata,
    sa.Column("example_id", sa.String(64), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("intent", sa.String(128), nullable=True),
    sa.Column("belief_state", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("created_at", sa.BigInteger, nullable=False, index=True),
)

# One step is what one request corrected: the turn itself, and the later turns it ran again.
corrections = sa.Table(
    "corrections",
    metadata,
    sa.Column("dialogue_id", sa.String(64), primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    # Who corrected; null where its token has no name, or none was asked for.
    sa.Column("author", sa.String(128), nullable=True),
    sa.ForeignKeyConstraint(
        ["dialogue_id", "position"],
        ["turns.dialogue_id", "turns.position"],
        ondelete="CASCADE",
    ),
)

# What a shadow made of a turn that another version had answered; see ``shadow_answers``.
shadows = sa.Table(
    "shadows",
    metadata,
    sa.Column("dialogue_id", sa.String(64), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.String(20), primary_key=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    # In which the answers differ; empty, and no differences, where they are alike.
    sa.Column("aspects", sa.Text, nullable=False),
    sa.Column("differences", sa.JSON(none_as_null=True), nullable=True),
    sa.ForeignKeyConstraint(
        ["dialogue_id", "position"],
        ["turns.dialogue_id", "turns.position"],
        ondelete="CASCADE",
    ),
    sa.Index("ix_shadows_created_at", "version", "created_at"),
)

# What each turn is found by, as it stands corrected; see ``turn_traits``. Beside the turns, whose
# rows are long: whoever searches reads these alone.
traits = sa.Table(
    "traits",
    metadata,
    sa.Column("dialogue_id", sa.String(64), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("intent", sa.Text, nullable=True),
    sa.Column("domain", sa.Text, nullable=True),
    sa.Column("reasons", sa.Text, nullable=False),
    sa.Column("verdict", sa.String(16), nullable=True),
    sa.Column("corrected", sa.Boolean, nullable=False),
    sa.Column("settled", sa.Boolean, nullable=False),
    sa.Column("worth", sa.Integer, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(
        ["dialogue_id", "position"],
        ["turns.dialogue_id", "turns.position"],
        ondelete="CASCADE",
    ),
    sa.Index("ix_traits_queue", "settled", "worth", "created_at", "dialogue_id", "position"),
    sa.Index("ix_traits_intent", "intent", "dialogue_id"),
)
