"""StockTurns: a whole turn with transformers' own ``generate``, as most people would write it.

Every peer that is not ours answers with it: the stock handler, the cascade's nodes, Flask,
LitServe, Ray Serve and OpenVINO. Prompts, parsers and look-up are todserve's, so that all do the
same work and their texts can be compared; what is stock is how the network is run: a padded batch
of whole rows, one ``generate`` with one length cap, ended by the tasks' end tokens.
Example: ``turns.ask([turn], (TaskName.INTENT,)); turn.texts["intent"] == "[find_train]"``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from todserve.runtime.checkpoint import Checkpoint, load_network, model_file_of
from todserve.runtime.decoding.parsed_generation import read
from todserve.runtime.engines.engine import Generation
from todserve.runtime.language.prompts import PromptBuilder, PromptInput
from todserve.runtime.language.tasks import TASKS, TaskName
from todserve.runtime.request_check import admit
from todserve.runtime.system_history import HistoryForm
from todserve.runtime.tracking.belief_tracking import Memory, track
from todserve.runtime.wire.request import TurnRequest, parse_request

UNDERSTANDING = (TaskName.BELIEF_STATE, TaskName.INTENT)
REPLYING = (TaskName.DIALOGUE_ACT, TaskName.RESPONSE)
MAX_NEW_TOKENS = 120  # PPTOD's largest; one cap for all, as a stock handler has

Rows = Sequence[Sequence[int]]
Generate = Callable[[Rows, Rows, list[int]], list[list[int]]]
"""(contexts, prefixes of one width, ids that end a row) -> rows, each from its prefix on."""


@dataclass(kw_only=True, slots=True)
class StockTurn:
    """A turn under way.

    Attributes:
        request: what was asked.
        memory: what the client knew before.
        source: what the prompts are made of.
        ids: generated ids so far, by task.
        texts: the same as text.
        database_token: after the look-up.
    """

    request: TurnRequest
    memory: Memory
    source: PromptInput
    ids: dict[TaskName, tuple[int, ...]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    database_token: str | None = None


class StockTurns:
    """What a turn needs of a checkpoint, and what generates its rows."""

    def __init__(self, folder: Path, generate: Generate | None = None) -> None:
        """Load the checkpoint in ``folder``, its network too where nothing else generates."""
        self.checkpoint = Checkpoint.open(folder)
        self._builder = PromptBuilder(
            self.checkpoint.tokenizer, self.checkpoint.format, self.checkpoint.schema
        )
        self._form = HistoryForm(self.checkpoint)
        self._generate = generate or StockNetwork(folder)

    def begin(self, body: object) -> StockTurn:
        """Read a request.

        Raises:
            RequestError: it is malformed.
        """
        request = parse_request(body)
        memory = admit(request, self.checkpoint, utterance=request.user)
        source = PromptInput(
            user=request.user,
            history=self._form.exchanges(request.history, memory),
            previous_state=memory.state,
        )
        return StockTurn(request=request, memory=memory, source=source)

    def answer(self, turns: Sequence[StockTurn]) -> None:
        """Take turns through both phases, all rows of a phase in one ``generate``."""
        self.ask(turns, UNDERSTANDING)
        for turn in turns:
            self.look_up(turn)
        self.ask(turns, REPLYING)

    def answer_one_by_one(self, turn: StockTurn) -> None:
        """Take a turn through four ``generate`` calls, one after another."""
        for task in UNDERSTANDING:
            self.ask([turn], (task,))
        self.look_up(turn)
        for task in REPLYING:
            self.ask([turn], (task,))

    def ask(self, turns: Sequence[StockTurn], tasks: Sequence[TaskName]) -> None:
        """Generate every task of every turn as one padded batch; fills ids and texts."""
        asked = [(turn, task) for turn in turns for task in tasks]
        contexts, prefixes = [], []
        for turn, task in asked:
            contexts.append(self._builder.context(turn.source, task, turn.database_token))
            prefixes.append(self._builder.prefix(task, turn.database_token))
        ends = {task: self._builder.end_id(task) for task in tasks}
        width = len(prefixes[0])
        rows = self._generate(contexts, prefixes, sorted(ends.values()))
        for (turn, task), row in zip(asked, rows, strict=True):
            written = row[width:]
            end = written.index(ends[task]) if ends[task] in written else len(written)
            turn.ids[task] = tuple(written[:end])
            text, _ = self.checkpoint.tokenizer.decode_with_offsets(turn.ids[task])
            turn.texts[str(task)] = text

    def look_up(self, turn: StockTurn) -> None:
        """Track the belief state, decide the domain and query the database."""
        reading = read(
            # Confidences play no part in the state, so they are not worked out.
            Generation(
                ids=turn.ids[TaskName.BELIEF_STATE],
                log_probs=(0.0,) * len(turn.ids[TaskName.BELIEF_STATE]),
                end_log_prob=0.0,
            ),
            TaskName.BELIEF_STATE,
            tokenizer=self.checkpoint.tokenizer,
            schema=self.checkpoint.schema,
        )
        schema = self.checkpoint.schema
        intent = TASKS[TaskName.INTENT].parse(turn.texts[TaskName.INTENT], schema).intent
        tracked = track(
            turn.memory,
            reading,
            target=self.checkpoint.format.belief_target,
            schema=schema,
            intent=intent,
            utterance=turn.request.user,
            domain_model=self.checkpoint.domain_model,
        )
        knowledge = self.checkpoint.knowledge
        domain, matches = tracked.memory.domain, None
        if domain in knowledge.domains:
            state = tracked.memory.state.get(domain, {})
            matches = knowledge.query(domain, state, limit=turn.request.top_k).matches
        turn.database_token = knowledge.database_token(domain, matches)

    def resume(self, passed: Mapping[str, Any]) -> StockTurn:
        """Return the turn that another node of a cascade worked on before; see ``hand_over``."""
        turn = self.begin(passed["request"])
        turn.texts = dict(passed["texts"])
        turn.database_token = passed["database_token"]
        return turn

    @staticmethod
    def hand_over(body: object, turn: StockTurn) -> dict[str, object]:
        """Return what the next node of a cascade needs, as JSON."""
        return {"request": body, "texts": turn.texts, "database_token": turn.database_token}


class StockNetwork:
    """A checkpoint's network in fp32, on the GPU where there is one, run by ``generate``."""

    def __init__(self, folder: Path) -> None:
        """Load the weights in ``folder``."""
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        # The file of the network's class stands beside the weights, as TorchServe wants it.
        beside = folder / model_file_of(folder)
        network: Any = load_network(
            folder, dtype=torch.float32, model_file=beside if beside.is_file() else None
        )
        self._network = network.eval().to(self._device)

    @torch.inference_mode()
    def __call__(self, contexts: Rows, prefixes: Rows, ends: list[int]) -> list[list[int]]:
        """Generate all rows as one padded batch."""
        longest = max(map(len, contexts))
        ids = torch.zeros((len(contexts), longest), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for place, context in enumerate(contexts):
            ids[place, : len(context)] = torch.tensor(context)
            mask[place, : len(context)] = 1
        generated = self._network.generate(
            input_ids=ids.to(self._device),
            attention_mask=mask.to(self._device),
            decoder_input_ids=torch.tensor(prefixes, device=self._device),
            # Else generate would put the configured start token before the task's own.
            decoder_start_token_id=[prefix[0] for prefix in prefixes],
            max_new_tokens=MAX_NEW_TOKENS,
            do_sample=False,
            num_beams=1,
            eos_token_id=ends,
            pad_token_id=0,
        )
        rows: list[list[int]] = generated.tolist()
        return rows
