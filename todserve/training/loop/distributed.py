"""Distributed training: which process takes which batches, and what all must agree on.

The training loop asks it at every step. ``torchrun`` starts the processes and tells each its place
by environment variables; gloo joins them on CPUs, nccl on GPUs. A step's batches are the same list
whatever the number of processes, which only share them out.
Example: ``torchrun --nproc-per-node=2 -m todserve train multiwoz-cpu batches_per_step=2``.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DistributedSampler

from todserve.runtime.console import tell
from todserve.runtime.errors import ConfigError, TrainingError

# Others wait while the first one prepares corpora; a process that dies is noticed at once.
_PATIENCE = timedelta(hours=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """The processes of a run as one of them sees them; alone unless said otherwise.

    Attributes:
        rank: number of this process, from 0.
        size: number of processes.
        device: where this process computes.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def leads(self) -> bool:
        """Whether this process prints, draws curves and writes files for all."""
        return self.rank == 0

    def say(self, text: str) -> None:
        """Print ``text`` once, not once a process."""
        if self.leads:
            tell(text)

    def wait(self) -> None:
        """Return when every process has come here."""
        self.largest((0.0,))

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """Let rank 0 through, then the others: it writes files that they find and read."""
        if not self.leads:
            self.wait()
        yield
        if self.leads:
            self.wait()

    def largest(self, values: Sequence[float]) -> list[float]:
        """Return the largest of every process's values, place by place: the same everywhere."""
        if self.size == 1:
            return list(values)
        # On the CPU also beside GPUs: gloo carries it without waiting for their queues.
        tensor = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(tensor, op=distributed.ReduceOp.MAX)
        return cast(list[float], tensor.tolist())

    def summed(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the sum of every process's ``tensor``, on the CPU."""
        total = tensor.detach().cpu().clone()
        if self.size > 1:
            distributed.all_reduce(total)
        return total

    def share(self, count: int) -> list[tuple[int, bool]]:
        """Return this process's places in a step of ``count`` batches, and whether each counts.

        All processes get equally many places, so that they meet after each: where ``count`` does
        not divide by their number, some repeat a batch that another counts. torch's own sampler
        shares places of whole batches here, not examples, for batches are grouped by length.
        """
        places = cast(Any, range(count))
        sampler: DistributedSampler[int] = DistributedSampler(
            places, num_replicas=self.size, rank=self.rank, shuffle=False, drop_last=False
        )
        return [(place, self.rank + n * self.size < count) for n, place in enumerate(sampler)]

    def parallel(self, module: nn.Module) -> nn.Module:
        """Return ``module`` with its gradients averaged over the processes."""
        return module if self.size == 1 else DistributedDataParallel(module)


def unsynchronised(module: nn.Module, *, last: bool) -> AbstractContextManager[None]:
    """Return the context of one of a step's batches: only the ``last`` exchanges gradients."""
    if isinstance(module, DistributedDataParallel) and not last:
        return cast(AbstractContextManager[None], module.no_sync())
    return nullcontext()


@contextmanager
def joined(environment: Mapping[str, str]) -> Iterator[World]:
    """Join the processes that ``torchrun`` started, or stay alone without it.

    Args:
        environment: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT of torchrun.

    Raises:
        ConfigError: more processes than GPUs.
        TrainingError: another process ended before its time.
    """
    size = int(environment.get("WORLD_SIZE", "1"))
    local = int(environment.get("LOCAL_RANK", "0"))
    device = _device(local)
    if size == 1:
        yield World(device=device)
        return
    rank = int(environment["RANK"])
    gpus = device.type == "cuda"
    try:
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if gpus else "gloo", rank=rank, world_size=size, timeout=_PATIENCE
        )
        yield World(rank=rank, size=size, device=device)
    except RuntimeError as error:
        if not _is_lost(error):
            raise
        raise TrainingError(
            f"process {rank} of {size} lost the others: one of them has ended; expected all to "
            "stay; its own message and torchrun's summary say why. Start the run again: it goes "
            "on from its last checkpoint"
        ) from error
    # Not after an error: leaving in order would wait for processes that are gone.
    distributed.destroy_process_group()


def _device(local_rank: int) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if local_rank >= torch.cuda.device_count():
        raise ConfigError(
            f"torchrun started process {local_rank + 1} on a machine with "
            f"{torch.cuda.device_count()} GPUs; expected at most one process a GPU; lower "
            "--nproc-per-node"
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


def _is_lost(error: RuntimeError) -> bool:
    # nccl and the rendezvous raise DistError; gloo a plain RuntimeError naming its source file.
    return isinstance(error, distributed.DistError) or "/gloo/" in str(error)
