"""Preflight: finds mistakes in ids, sizes and lengths before the first training step.

Runs before the first step, on every example and on the network as built.
Example message: ``label id 32100 of task response lies outside the vocabulary of 32100 ...``.
"""

from collections.abc import Iterable, Sequence

from transformers import T5ForConditionalGeneration

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.prompts import PromptBuilder, PromptPlacement
from todserve.runtime.language.tasks import TASKS
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.training.batches.examples import TASK_ORDER, Example
from todserve.training.preparation.length_limits import longest_frame

_EXPORTED = ("relu", "gelu_new")  # T5 v1.0, and v1.1 with all that came after it


def check_network(network: T5ForConditionalGeneration, tokenizer: Tokenizer) -> None:
    """Check that tokenizer, embedding and output layer agree in size.

    Raises:
        ConfigError: they do not.
    """
    rows = int(network.get_input_embeddings().weight.shape[0])
    outputs = int(network.lm_head.weight.shape[0])
    if tokenizer.size > rows:
        raise ConfigError(
            f"the tokenizer has {tokenizer.size} tokens, the embedding {rows} rows; expected at "
            "least as many rows as tokens; resize the embedding, or use the network's tokenizer"
        )
    if outputs != rows:
        raise ConfigError(
            f"the output layer has {outputs} rows, the embedding {rows}; expected the same; "
            "this is no intact T5 checkpoint"
        )


def check_positions(network: T5ForConditionalGeneration, builder: PromptBuilder) -> None:
    """Check that an encoder with numbered positions has one for every token of a context.

    Raises:
        ConfigError: contexts may be longer.
    """
    encoder = getattr(network.config, "encoder_config", None)
    if encoder is None:  # T5 knows distances, not positions
        return
    positions = int(encoder["max_position_embeddings"])
    frame = longest_frame(builder)
    longest = builder.format.max_history_tokens + frame
    if longest > positions:
        raise ConfigError(
            f"contexts may be {longest} tokens long, the encoder has {positions} positions; "
            f"expected at most {positions - frame} history tokens; lower "
            "format.max_history_tokens"
        )


def unexported(network: T5ForConditionalGeneration) -> str | None:
    """Return a warning about a network that trains and is served, but that no exporter has."""
    if network.config.dense_act_fn in _EXPORTED:
        return None
    return (
        f"feed_forward_proj is {network.config.feed_forward_proj!r}: the torch engine serves it, "
        "but `tod export` has it for no other one; expected relu or gated-gelu where the "
        "checkpoint is to be exported"
    )


def check_examples(examples: Iterable[Example], vocabulary_size: int) -> None:
    """Check that every token and label id lies between 0 and the vocabulary's size.

    Raises:
        ConfigError: one lies outside, or there is no example at all.
    """
    empty = True
    for example in examples:
        empty = False
        _check_ids(example.context, vocabulary_size, "token id of a context")
        for block in example.blocks:
            name = TASK_ORDER[block.task]
            _check_ids(block.prefix, vocabulary_size, f"decoder token id of task {name}")
            _check_ids(block.target, vocabulary_size, f"label id of task {name}")
    if empty:
        raise ConfigError(
            "no training example; expected at least one annotated turn; check `corpora`"
        )


def check_prompts(
    examples: Iterable[Example], builder: PromptBuilder, tokenizer: Tokenizer
) -> None:
    """Check that no prompt was cut: prefix and frame stand whole in every context.

    Raises:
        ConfigError: a prompt is not where it belongs.
    """
    frame = (tokenizer.token_id("<sos_context>"), tokenizer.token_id("<eos_context>"))
    in_encoder = builder.format.prompt_placement is PromptPlacement.ENCODER
    prefixes = [tuple(tokenizer.encode(TASKS[name].prefix)) for name in TASK_ORDER]
    for example in examples:
        context = example.context
        expected = (*prefixes[example.blocks[0].task], frame[0]) if in_encoder else (frame[0],)
        if context[: len(expected)] != expected or frame[1] not in context[-4:]:
            name = TASK_ORDER[example.blocks[0].task]
            raise ConfigError(
                f"the prompt of task {name} was truncated: the context starts with ids "
                f"{list(context[:4])}, expected {list(expected[:4])}; only the history may be "
                "shortened (max_history_tokens)"
            )


def check_targets(examples: Iterable[Example], unknown_id: int | None = None) -> list[str]:
    """Return warnings about targets that serving will never generate as they are.

    Args:
        examples: all of them.
        unknown_id: the token of what the vocabulary cannot say; None where it can say everything.
    """
    longest = [0] * len(TASK_ORDER)
    over = [0] * len(TASK_ORDER)
    unsayable = [0] * len(TASK_ORDER)
    for example in examples:
        for block in example.blocks:
            longest[block.task] = max(longest[block.task], len(block.target))
            over[block.task] += len(block.target) > TASKS[TASK_ORDER[block.task]].max_new_tokens
            unsayable[block.task] += unknown_id in block.target
    return [
        f"{over[number]} targets of task {name} are longer than the cap of "
        f"{TASKS[name].max_new_tokens} tokens (longest {longest[number]}): "
        "serving will cut their like"
        for number, name in enumerate(TASK_ORDER)
        if over[number]
    ] + [
        f"{unsayable[number]} targets of task {name} hold what the vocabulary cannot say: such a "
        "value can be neither learnt nor answered; train with a vocabulary of this corpus"
        for number, name in enumerate(TASK_ORDER)
        if unsayable[number]
    ]


def _check_ids(ids: Sequence[int], size: int, what: str) -> None:
    if min(ids) < 0 or max(ids) >= size:
        wrong = min(ids) if min(ids) < 0 else max(ids)
        raise ConfigError(
            f"{what}: {wrong} lies outside the vocabulary of {size} (0 to {size - 1}); "
            "tokenizer and network do not belong together"
        )
