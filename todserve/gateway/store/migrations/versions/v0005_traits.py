"""What each turn is found by, who corrected it, and two further marks of a dialogue."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None

_LABELLED = ("intent", "belief_state", "dialogue_act", "response")
_LOW = 0.5


def upgrade() -> None:
    """Make the table and fill it from the turns; spelled out, since what fills it goes on changing.

    A turn from before gets what its answer says and what people made of it.
    """
    traits = op.create_table(
        "traits",
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
    )
    op.create_index(
        "ix_traits_queue", "traits", ["settled", "worth", "created_at", "dialogue_id", "position"]
    )
    op.create_index("ix_traits_intent", "traits", ["intent", "dialogue_id"])
    for name in ("refused", "outside"):
        column = sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())
        op.add_column("dialogues", column)
    op.add_column("corrections", sa.Column("author", sa.String(128), nullable=True))
    connection = op.get_bind()
    dialogues = sa.table(
        "dialogues", sa.column("dialogue_id"), sa.column("refused"), sa.column("outside")
    )
    for dialogue_id in [*connection.execute(sa.select(dialogues.c.dialogue_id)).scalars()]:
        rows = [*_rows(connection, dialogue_id)]
        if rows:
            connection.execute(sa.insert(traits), rows)
        found = {reason for row in rows for reason in row["reasons"].split()}
        raised = {name: True for name in ("refused", "outside") if name in found}
        if raised:
            this = dialogues.c.dialogue_id == dialogue_id
            connection.execute(sa.update(dialogues).where(this).values(**raised))


def downgrade() -> None:
    """Forget what the turns are found by."""
    op.drop_table("traits")
    op.drop_column("corrections", "author")
    for name in ("outside", "refused"):
        op.drop_column("dialogues", name)


def _rows(connection: sa.Connection, dialogue_id: str) -> Iterator[dict[str, Any]]:
    names = ("position", "created_at", "user")
    turns = sa.table(
        "turns",
        *(sa.column(name) for name in ("dialogue_id", *names)),
        sa.column("answer", sa.JSON),
        sa.column("bot", sa.JSON),
    )
    steps = sa.table(
        "corrections",
        *(sa.column(name) for name in ("dialogue_id", "position", "step")),
        sa.column("content", sa.JSON),
    )
    made: dict[int, dict[str, Any]] = {}
    reading = sa.select(steps).where(steps.c.dialogue_id == dialogue_id).order_by(steps.c.step)
    for step in connection.execute(reading):
        content = made.setdefault(step.position, {})
        if "answer" in step.content:
            content.pop("verdict", None)
        content.update(step.content)
    reading = sa.select(turns).where(turns.c.dialogue_id == dialogue_id)
    for turn in connection.execute(reading.order_by(turns.c.position)):
        content = made.get(turn.position, {})
        answer = content.get("answer") or turn.answer
        corrected = any(content.get(key) is not None for key in _LABELLED)
        reasons, worth = _worth(answer)
        intent = content.get("intent") or (answer.get("intent") or {}).get("name")
        domain = (answer.get("domain") or {}).get("active")
        said = (answer.get("response") or {}).get("text", "")
        told = "\n".join(turn.bot["messages"]) if turn.bot else said
        names_of_it = " ".join(filter(None, (intent, domain))).replace("_", " ")
        model = answer["model"]
        yield {
            "dialogue_id": dialogue_id,
            "position": turn.position,
            "created_at": turn.created_at,
            "model": f"{model['name']}/{model['version']}",
            "intent": intent,
            "domain": domain,
            "reasons": " ".join(reasons),
            "verdict": content.get("verdict"),
            "corrected": corrected,
            "settled": corrected or content.get("verdict") is not None,
            "worth": worth,
            "words": "\n".join((turn.user, told, names_of_it)).casefold(),
        }


def _worth(answer: Mapping[str, Any]) -> tuple[list[str], int]:
    intent = answer.get("intent") or {}
    plain = (answer.get("response") or {}).get("source") == "plain"
    outside = intent.get("name") == "out_of_scope"
    slots = [
        one for domain in (answer.get("belief_state") or {}).values() for one in domain.values()
    ]
    known = [
        one for one in (part.get("confidence") for part in (intent, *slots)) if one is not None
    ]
    lowest = min(known, default=1.0)
    found = {
        "low_confidence": 100 + round(100 * (1 - lowest)) if lowest < _LOW else 0,
        "unparsed": 150 if any((answer.get("unparsed") or {}).values()) else 0,
        "disagreement": 120 if answer.get("consistent") is False else 0,
        "refused": 100 if answer.get("refused") or (plain and not outside) else 0,
        "outside": 40 if outside else 0,
    }
    return [name for name, points in found.items() if points], sum(found.values())
