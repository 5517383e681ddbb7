"""The constraint: which tokens a checkpoint may write after which, built when it is opened.

A pipeline decodes freely unless told to use it, as the shipped archive is. A sequence that ends by
itself under it is understood whole by ``formats`` and names nothing that is unknown:

- intent: one of the schema's;
- belief state: domains and slots of the schema, of a categorical slot one of its values or
  ``dontcare`` (in updates also ``none``), of a free-text slot words that the schema accepts as a
  value. A word that is no slot's name goes on with a free value, as it does for the parser;
- dialogue acts: acts and slots of `OutputLabels`, in domains of the schema, ``general`` and
  ``booking``;
- response: any text, and placeholders of `OutputLabels` alone.

Where the model wanted an unknown value it now takes the likeliest known one, which may be wrong;
the unconstrained confidence is low there. A label has one spelling, the tokenizer's own. A sequence
cut by its length cap may end inside a label or a value; that shows as ``unparsed``, as without the
constraint.
Example: ``build_automaton(checkpoint).starts["intent"]`` is the state an intent's row starts in.
"""

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.constraint_grammar import Grammar
from todserve.runtime.decoding.constraint_labels import OutputLabels
from todserve.runtime.decoding.constraint_paths import Paths
from todserve.runtime.decoding.constraint_words import ConstraintWords
from todserve.runtime.decoding.token_automaton import TokenAutomaton
from todserve.runtime.language.tasks import TASKS, TaskName
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.runtime.reply.reply_stage import Start
from todserve.runtime.reply.reply_style import ReplyStyle
from todserve.runtime.untrusted.json_text import read_json


def build_automaton(checkpoint: Checkpoint) -> TokenAutomaton:
    """Return the automaton of a checkpoint, with a start for each task.

    Time and memory grow with the number of services; MultiWOZ's schema takes 800 states and a
    table of less than 1 MB.

    Raises:
        ConfigError: the tokenizer can write nothing right for some task.
    """
    return automaton_of(
        OutputLabels.of(checkpoint),
        checkpoint.tokenizer,
        _network_vocabulary(checkpoint),
        checkpoint.style,
    )


def build_reply_automaton(checkpoint: Checkpoint) -> TokenAutomaton:
    """Return an automaton of the variations of a reply alone, for pipelines that write freely.

    Raises:
        ConfigError: see `build_automaton`.
    """
    vocabulary = _network_vocabulary(checkpoint)
    paths = Paths(vocabulary)
    words = ConstraintWords(checkpoint.tokenizer, vocabulary)
    grammar = Grammar(OutputLabels.of(checkpoint), words, paths)
    return paths.compiled(_variations(grammar, checkpoint.tokenizer, checkpoint.style))


def _variations(grammar: Grammar, tokenizer: Tokenizer, style: ReplyStyle) -> dict[str, int]:
    end_id = tokenizer.token_id(TASKS[TaskName.RESPONSE].end_token)
    none, booking = frozenset(style.none_words), frozenset(style.booking_words)
    without: dict[Start, tuple[frozenset[str], frozenset[str]]] = {
        Start.NAMED: (none | booking, frozenset({"choice", "reference"})),
        Start.COUNTED: (none | booking, frozenset({"reference"})),
        Start.BOOKED: (none, frozenset({"choice"})),
    }
    return {
        start.of_automaton: grammar.response(end_id, without_words=words, without_slots=slots)
        for start, (words, slots) in without.items()
    }


def automaton_of(
    labels: OutputLabels, tokenizer: Tokenizer, vocabulary: int, style: ReplyStyle | None = None
) -> TokenAutomaton:
    """Return the automaton of ``labels`` for a network of ``vocabulary`` logits.

    Args:
        labels: the names there are.
        tokenizer: spells them.
        vocabulary: number of logits.
        style: adds the starts of a reply's variations; None leaves them out.

    Raises:
        ConfigError: see `build_automaton`.
    """
    paths = Paths(vocabulary)
    grammar = Grammar(labels, ConstraintWords(tokenizer, vocabulary), paths)
    draw = {
        TaskName.BELIEF_STATE: grammar.belief_state,
        TaskName.DIALOGUE_ACT: grammar.dialogue_acts,
        TaskName.RESPONSE: grammar.response,
        TaskName.INTENT: grammar.intent,
    }
    return paths.compiled(
        {
            str(name): drawn(tokenizer.token_id(TASKS[name].end_token))
            for name, drawn in draw.items()
        }
        | (_variations(grammar, tokenizer, style) if style is not None else {})
    )


def _network_vocabulary(checkpoint: Checkpoint) -> int:
    """Return the number of logits, which may be padded beyond the tokenizer's ids."""
    config = read_json(checkpoint.folder / "config.json")
    return int(config["vocab_size"])
