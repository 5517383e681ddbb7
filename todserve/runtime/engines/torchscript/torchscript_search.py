"""The search of the TorchScript export: the loop that writes one token after another, compiled.

The export puts it into one module with the encoder of ``torchscript_encoder``, from whose states it
writes. It is scripted, since it is all control flow: how often the loop runs depends on the tokens
that come out, a row ends at its own token or cap, rows that have ended leave the batch, given
tokens are not chosen. A trace keeps the one path that its example took: a traced search runs as
many steps for every input as it ran for the example, and answers with the example's own tokens.
Example: ``search(memory, [18], [0], [[4006]], [4007], [120], [1.0], None, [0])``.
"""

import numpy as np
import torch
from torch import Tensor, nn

from todserve.runtime.engines.torchscript.torchscript_layers import DecoderLayer, MatrixKind, Norm
from todserve.runtime.networks.network_weights import T5Weights

_ROOM = 32
_PADDING_SCORE = -1e9


class Search(nn.Module):
    """Greedy search over rows that may differ in everything.

    Attributes:
        room: positions by which keys and values grow when they are full.
        padding_score: added to the score of padding; its softmax is exactly 0 in fp32.
    """

    embedding: Tensor
    distances: Tensor

    def __init__(self, weights: T5Weights, kind: MatrixKind) -> None:
        """Take the decoder out of ``weights``."""
        super().__init__()
        self.heads = weights.heads
        self.head_size = weights.head_size
        self.reach = weights.reach
        self.room = _ROOM
        self.padding_score = _PADDING_SCORE
        self.register_buffer("embedding", torch.from_numpy(weights.embedding))
        turned = np.ascontiguousarray(weights.decoder_bias.T)
        self.register_buffer("distances", torch.from_numpy(turned))
        self.layers = nn.ModuleList(DecoderLayer(weights, one, kind) for one in weights.decoder)
        self.norm = Norm(weights, weights.decoder_norm)
        self.output = kind(weights.output)

    def forward(
        self,
        memory: list[Tensor],
        lengths: list[int],
        contexts: list[int],
        prefixes: list[list[int]],
        ends: list[int],
        caps: list[int],
        temperatures: list[float],
        table: Tensor | None,
        states: list[int],
    ) -> tuple[list[list[int]], list[list[float]], list[list[float]]]:
        """Decode rows until each has ended.

        Args:
            memory: the encoder's answer.
            lengths: tokens of each context.
            contexts: of each row, the context it looks at.
            prefixes: of each row, the tokens that are given, one at least.
            ends: of each row, the token it ends with.
            caps: of each row, how many tokens it may choose.
            temperatures: of each row, what logits are divided by before log-probabilities are
                taken of them.
            table: integers (states, vocabulary), a token automaton: the state after a token, below
                0 where it is refused; None allows everything.
            states: of each row, where it stands in the table.

        Returns:
            of each row the tokens it chose, its end token included; their log-probabilities; and
            the log of the probability that the allowed tokens had (nothing without a table).
        """
        ids = [torch.jit.annotate(list[int], []) for _ in caps]
        log_probs = [torch.jit.annotate(list[float], []) for _ in caps]
        shares = [torch.jit.annotate(list[float], []) for _ in caps]
        if len(caps) == 0:
            return ids, log_probs, shares
        memory, unseen = self._looked_at(memory, lengths, contexts)
        room = [len(caps), 2, self.heads, self.room, self.head_size]
        past = [torch.empty(room) for _ in memory]
        most = max([len(prefixes[row]) + caps[row] for row in range(len(caps))])
        bias = self._bias(most)
        sharpness = torch.tensor([1.0 / one for one in temperatures]).unsqueeze(1)
        shortest = min([len(prefix) for prefix in prefixes])
        now = torch.tensor([prefix[0] for prefix in prefixes])
        standing = torch.tensor(states)
        going = list(range(len(caps)))  # the row in each place of the batch; -1: it has ended
        position = 0
        while len(going) > 0:
            if position == past[0].shape[3]:
                past = [torch.cat([one, torch.empty(room)], 3) for one in past]
            hidden = self._step(now, position, past, bias, memory, unseen)
            position += 1

            tokens = [0] * len(going)
            probable = [0.0] * len(going)
            share = [0.0] * len(going)
            # While every row's next token is given, nobody asks for the largest product of all.
            if position >= shortest:
                logits = self.output(self.norm(hidden))
                scores = torch.log_softmax(logits * sharpness, 1)
                if table is not None:
                    after = table.index_select(0, standing)
                    logits = logits.masked_fill(after < 0, float("-inf"))
                    mass = scores.masked_fill(after < 0, float("-inf")).logsumexp(1)
                    share = _floats(mass.clamp(max=0.0))
                    reached = after.gather(1, logits.argmax(1, keepdim=True)).squeeze(1)
                    # A row whose token is given stays where it is.
                    free = torch.tensor([position >= len(prefixes[row]) for row in going])
                    standing = torch.where(free, reached.to(torch.int64), standing)
                now = logits.argmax(1)
                tokens = _integers(now)
                probable = _floats(scores.gather(1, now.unsqueeze(1)).squeeze(1))

            kept: list[int] = []
            given = False
            for place, row in enumerate(going):
                if row >= 0:
                    over = False
                    if position < len(prefixes[row]):
                        tokens[place] = prefixes[row][position]
                        given = True
                    else:
                        ids[row].append(tokens[place])
                        log_probs[row].append(probable[place])
                        shares[row].append(share[place])
                        over = tokens[place] == ends[row] or len(ids[row]) >= caps[row]
                    if over:
                        going[place] = -1
                    else:
                        kept.append(place)
            if given:
                now = torch.tensor(tokens)
            # Rows that have ended leave once they are a quarter of the batch: copying what the
            # others remember at every end would cost more than it saves.
            if 4 * len(kept) <= 3 * len(going):
                keep = torch.tensor(kept, dtype=torch.int64)
                going = [going[place] for place in kept]
                room[0] = len(kept)
                now, standing = now.index_select(0, keep), standing.index_select(0, keep)
                sharpness = sharpness.index_select(0, keep)
                unseen = unseen.index_select(0, keep)
                past = [one.index_select(0, keep) for one in past]
                memory = [one.index_select(0, keep) for one in memory]
        return ids, log_probs, shares

    @torch.jit.export
    def logits(self, memory: list[Tensor], lengths: list[int], ids: list[int]) -> Tensor:
        """Return what the network says after each of ``ids``, whatever it would have chosen.

        Args:
            memory: the encoder's answer for one context.
            lengths: its one length.
            ids: all tokens the decoder reads, the start token first.

        Returns:
            float32 (len(ids), vocabulary), before any softmax or temperature.
        """
        memory, unseen = self._looked_at(memory, lengths, [0])
        past = [torch.empty([1, 2, self.heads, len(ids), self.head_size]) for _ in memory]
        bias = self._bias(len(ids))
        steps: list[Tensor] = []
        for position, token in enumerate(ids):
            now = torch.tensor([token])
            hidden = self._step(now, position, past, bias, memory, unseen)
            steps.append(self.output(self.norm(hidden)))
        return torch.cat(steps)

    def _step(
        self,
        now: Tensor,
        position: int,
        past: list[Tensor],
        bias: Tensor,
        memory: list[Tensor],
        unseen: Tensor,
    ) -> Tensor:
        """Take the rows' tokens (R) through all layers: (R, d); ``past`` takes them up."""
        hidden = self.embedding.index_select(0, now)
        near = bias.narrow(3, bias.shape[3] - 1 - position, position + 1)
        for index, layer in enumerate(self.layers):
            hidden = layer(hidden, position, past[index], near, memory[index], unseen)
        return hidden

    def _looked_at(
        self, memory: list[Tensor], lengths: list[int], contexts: list[int]
    ) -> tuple[list[Tensor], Tensor]:
        """Return each row's memory, no longer than any row needs, and what hides its padding."""
        wanted = torch.tensor(contexts)
        size = torch.tensor([lengths[context] for context in contexts]).unsqueeze(1)
        longest = max([lengths[context] for context in contexts])
        unseen = (torch.arange(longest) >= size).to(torch.float32) * self.padding_score
        looked_at = [one.narrow(3, 0, longest).index_select(0, wanted) for one in memory]
        return looked_at, unseen.unsqueeze(1).unsqueeze(1)

    def _bias(self, most: int) -> Tensor:
        """(1, H, 1, most): from the farthest key to the position itself, which is the last."""
        distance = torch.arange(most - 1, -1, -1).clamp(max=self.reach)
        return self.distances.index_select(1, distance).unsqueeze(0).unsqueeze(2)


def _integers(tensor: Tensor) -> list[int]:
    numbers: list[int] = tensor.tolist()  # TorchScript reads the type off the annotation
    return numbers


def _floats(tensor: Tensor) -> list[float]:
    numbers: list[float] = tensor.tolist()
    return numbers
