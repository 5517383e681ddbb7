"""System history: writes past replies in the form that the checkpoint was trained with.

The pipeline calls it on a request's history before prompts are made of it. A client may send our
plain reply, our delexicalised one, or another system's text; the checkpoint's format asks for one
form. Example: ``the gonville is at gonville place`` becomes ``[value_name] is at [value_address]``.
"""

from collections.abc import Sequence
from functools import cached_property

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.knowledge.delexicalisation import Delexicaliser
from todserve.runtime.language.formats import placeholders
from todserve.runtime.language.prompts import Exchange, SystemTurns
from todserve.runtime.language.text import normalise
from todserve.runtime.reply.facts import Facts
from todserve.runtime.reply.lexicalisation import filled
from todserve.runtime.tracking.belief_tracking import Memory


class HistoryForm:
    """Brings exchanges into a checkpoint's form, and drops those its context cannot show."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Use the database and schema of ``checkpoint``."""
        self._checkpoint = checkpoint
        self._form = checkpoint.format.system_turns

    def exchanges(self, history: Sequence[Exchange], memory: Memory) -> tuple[Exchange, ...]:
        """Return the newest exchanges the context has room for, oldest first.

        Args:
            history: as the client sent it.
            memory: what the client remembers; system texts are read in its light.
        """
        limit = self._checkpoint.format.max_history_tokens
        last_alone = self._checkpoint.format.context.rests_on_state
        kept: list[Exchange] = []
        words = 0
        for exchange in reversed(history):
            system = self.system_text(exchange.system, memory)
            kept.append(Exchange(user=exchange.user, system=system))
            # A word is at least a token, so what lies beyond could never be read.
            words += len(exchange.user.split()) + len(system.split())
            if last_alone or words >= limit:
                break
        return tuple(reversed(kept))

    def system_text(self, text: str, memory: Memory) -> str:
        """Return one system text in the checkpoint's form.

        A text with placeholders is delexicalised, any other is plain.
        """
        delexicalised = bool(placeholders(text))
        domain, state = memory.domain, memory.state
        if self._form is SystemTurns.DELEXICALISED and not delexicalised:
            # Names and codes are looked for in lower case, as training's texts are.
            spoken = normalise(text)
            return self._delexicaliser.delexicalise(spoken, domain=domain, state=state).text
        if self._form is SystemTurns.PLAIN and delexicalised:
            # Without an active domain nothing is found, and plain words stand in for values.
            checkpoint = self._checkpoint
            found = checkpoint.knowledge.query(domain or "", state.get(domain or "", {}))
            facts = Facts.of(
                domain=domain,
                state=state,
                found=found,
                utterance="",
                said=(),
                knowledge=checkpoint.knowledge,
                schema=checkpoint.schema,
                style=checkpoint.style,
            )
            return filled(text, facts).text
        return text

    @cached_property
    def _delexicaliser(self) -> Delexicaliser:
        # Compiling the database's names takes a while; a plain-format checkpoint never needs it.
        return Delexicaliser(
            self._checkpoint.knowledge, self._checkpoint.schema, self._checkpoint.style.values
        )
