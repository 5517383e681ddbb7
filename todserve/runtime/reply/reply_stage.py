"""ReplyStage: chooses, of several generated replies, the first that the facts of the turn bear out.

The pipeline calls it after the second engine call. The first generation goes through the rules as
everything else does; where it breaks one, or offers something without its name, variations of it
are generated in one more call for the whole batch, and where none of those holds either, a plain
sentence is said. Example: "i have 5 trains after 9" gives way to "tr1234 leaves at 9:15".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import DialogueAct
from todserve.runtime.language.formats import placeholders
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.reply.amendment import amended
from todserve.runtime.reply.completion import complete
from todserve.runtime.reply.facts import FEW, Facts
from todserve.runtime.reply.lexicalisation import Lexicalisation, filled
from todserve.runtime.reply.literals import Literals
from todserve.runtime.reply.plain_reply import beside_reply, kept_reply, plain_reply
from todserve.runtime.reply.reply_rules import Draft, strikes
from todserve.runtime.reply.reply_style import ReplyStyle

_NAMES = ("name", "id", "song_title")
_CLEAR = frozenset(
    {"refusal", "booking", "reference", "undone", "which", "untold", "nowhere", "only", "rank"}
    | {"answer", "unknown", "helpless"}
)


class Source(StrEnum):
    """Which text was sent: the first generation, another one, or a plain sentence."""

    GENERATION = "generation"
    ALTERNATIVE = "alternative"
    PLAIN = "plain"


class Start(StrEnum):
    """What a variation of a reply must do without; names a start of the automaton."""

    NAMED = "named"
    """A count, a claim that there is none, a booking."""
    COUNTED = "counted"
    """A claim that there is none, a booking."""
    BOOKED = "booked"
    """A claim that there is none."""

    @property
    def of_automaton(self) -> str:
        """The start's name in the automaton."""
        return f"{TaskName.RESPONSE}:{self}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Variation:
    """Another generation that is wanted: where it starts, and the placeholder it begins with."""

    start: Start
    forced: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A reply, and what there is to say against it.

    Attributes:
        delexicalised: with placeholders, repaired and completed.
        filled: for people.
        completed: slots that completion added.
        strikes: rules it breaks as it stands.
        repaired: rules that its repairs answered.
        source: where it is from.
    """

    delexicalised: str
    filled: Lexicalisation
    completed: tuple[str, ...] = ()
    strikes: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    source: Source = Source.GENERATION

    @property
    def holds(self) -> bool:
        """Whether nothing in it is untrue."""
        return not self.strikes

    @property
    def names(self) -> bool:
        """Whether it names an entity."""
        return any(slot in _NAMES for slot in placeholders(self.delexicalised))


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenReply:
    """The reply that is sent, and the rules that the first generation broke."""

    candidate: Candidate
    rules: tuple[str, ...] = ()


class ReplyStage:
    """Judges replies by the facts of their turns, and chooses.

    Args:
        schema: domains and slots.
        knowledge: the database.
        style: the language.
    """

    def __init__(self, schema: Schema, knowledge: KnowledgeBase, style: ReplyStyle) -> None:
        self.style = style
        self._literals = Literals(knowledge=knowledge, schema=schema)

    def candidate(
        self,
        text: str,
        facts: Facts,
        acts: Sequence[DialogueAct],
        source: Source = Source.GENERATION,
    ) -> Candidate:
        """Repair, complete, fill and judge a generated reply."""
        repaired = amended(text, facts, self._literals)
        whole = complete(repaired.text, facts, acts)
        words = filled(whole.text, facts)
        draft = Draft(delexicalised=whole.text, filled=words, facts=facts, literals=self._literals)
        return Candidate(
            delexicalised=whole.text,
            filled=words,
            completed=whole.added,
            strikes=strikes(draft),
            repaired=repaired.rules,
            source=source,
        )

    def unchecked(self, text: str, facts: Facts, acts: Sequence[DialogueAct]) -> Candidate:
        """Complete and fill a reply without judging it: to measure what judging costs."""
        whole = complete(text, facts, acts)
        return Candidate(
            delexicalised=whole.text, filled=filled(whole.text, facts), completed=whole.added
        )

    def variations(self, first: Candidate, facts: Facts) -> tuple[Variation, ...]:
        """Return what else to generate; nothing where the first reply is as good as any."""
        if first.holds and not _offers_unnamed(first, facts):
            return ()
        clear = facts.asks_unknown or _CLEAR & set(first.strikes)
        if not first.holds and (not facts.matches or clear):
            # Nothing to speak of, or what is wanted is clear: a plain sentence says it best.
            return ()
        wanted: list[Variation] = []
        if facts.key in _NAMES:
            wanted.append(Variation(start=Start.NAMED, forced=f"[value_{facts.key}]"))
        if not first.holds:
            wanted.append(Variation(start=Start.BOOKED if facts.bookable else Start.COUNTED))
        return tuple(wanted)

    def chosen(
        self,
        first: Candidate,
        others: Sequence[Candidate],
        facts: Facts,
        acts: Sequence[DialogueAct],
        *,
        intent: str | None,
    ) -> ChosenReply:
        """Return the reply to send: the first that holds, one that names what it offers before.

        Args:
            first: the first generation.
            others: its variations, in order.
            facts: of the turn.
            acts: the generated acts.
            intent: the user's intent, if it is known.
        """
        rules = (*first.strikes, *(one for one in first.repaired if one not in first.strikes))
        if first.holds and not _offers_unnamed(first, facts):
            return ChosenReply(candidate=first, rules=rules)
        holding = [one for one in (first, *others) if one.holds]
        if first.holds:
            # Only for its name: what the first reply tells, the other must tell too.
            told = set(placeholders(first.delexicalised)) & facts.columns
            holding = [one for one in holding if told <= set(placeholders(one.delexicalised))]
        best = next((one for one in holding if one.names), next(iter(holding), None))
        if best is None:
            wanted = (intent or "").startswith(facts.style.books) or facts.orders
            claimed = bool({"booking", "reference"} & set(first.strikes))
            # What is missing is asked for; what nobody wants is not booked.
            books = wanted or (claimed and (facts.may_book or not facts.bookable))
            text = plain_reply(
                facts,
                acts,
                books=books,
                lost="helpless" in first.strikes and not facts.understood,
                doubted=self._doubted(facts),
                unborne="answer" in first.strikes,
            )
            best = self.plain(text, facts, () if facts.asks_unknown else acts)
        if best is not first and first.holds:
            rules = (*rules, "unnamed")
        return ChosenReply(candidate=best, rules=rules)

    def with_kept(self, reply: ChosenReply, facts: Facts) -> ChosenReply:
        """Return a reply behind what stays booked, where the words also go on to something else.

        Args:
            reply: to what they go on to.
            facts: of the turn.
        """
        if not facts.kept_bookings or not facts.goes_on:
            return reply
        first, kept = reply.candidate, filled(kept_reply(facts), facts).text
        both = replace(
            first,
            delexicalised=f"{kept.lower()} {first.delexicalised}",
            filled=replace(first.filled, text=f"{kept} {first.filled.text}"),
        )
        return ChosenReply(candidate=both, rules=(*reply.rules, "undone"))

    def _doubted(self, facts: Facts) -> tuple[str, ...]:
        """Return the slots of which the user asks whether something is so."""
        if not facts.style.patterns["asks_of_it"].search(facts.utterance):
            return ()
        said = self._literals.asked(facts.domain, facts.utterance, facts.name)
        flags = facts.style.flag_patterns.items()
        asked = [one.slot for one in said]
        asked += [slot for slot, pattern in flags if pattern.search(facts.utterance)]
        return tuple(dict.fromkeys(slot for slot in asked if slot in facts.columns))

    def with_another(self, reply: ChosenReply, facts: Facts) -> ChosenReply:
        """Return a reply with what was found for a second service behind it.

        Args:
            reply: of the active domain.
            facts: of the other one.
        """
        first = reply.candidate
        said = filled(beside_reply(facts), facts).text
        if not said:
            return reply
        # As words, not as placeholders: those are filled from the active domain.
        both = replace(
            first,
            delexicalised=f"{first.delexicalised} {said.lower()}",
            filled=replace(first.filled, text=f"{first.filled.text} {said}"),
        )
        return ChosenReply(candidate=both, rules=(*reply.rules, "beside"))

    def plain(self, text: str, facts: Facts, acts: Sequence[DialogueAct] = ()) -> Candidate:
        """Return a plain sentence as a candidate, with what the user asked for behind it."""
        whole = complete(text, facts, acts)
        return Candidate(
            delexicalised=whole.text,
            filled=filled(whole.text, facts),
            completed=whole.added,
            source=Source.PLAIN,
        )


def _offers_unnamed(reply: Candidate, facts: Facts) -> bool:
    """Say whether a reply tells of something that can be named, and names nothing."""
    shown = set(placeholders(reply.delexicalised))
    if (
        not facts.row
        or facts.key is None
        or shown & set(facts.style.slots.keys)
        or facts.named_before()
    ):
        return False
    told = bool(shown & (facts.columns - set(facts.style.slots.repeated)))
    counted = "choice" in shown and facts.matches <= FEW
    return (told and "choice" not in shown) or counted or "reference" in shown
