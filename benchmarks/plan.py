"""Plan: how much is measured; the quick one stays under five minutes on two quiet cores.

Example: ``QUICK.window`` is the seconds that several clients are watched for.
"""

from dataclasses import dataclass

from benchmarks.peers.base import PeerError

CLIENTS = (1, 4, 16, 64)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Sizes of a run.

    Attributes:
        turns: distinct turns that are asked.
        turns_a_round: of them, asked one by one in a round of one client.
        rounds: client count -> how often the peers take turns at it.
        settle: seconds that each server is asked by a few clients before anything is measured; a
            Java server compiles itself only once it has answered some hundred requests.
        seconds_alone: least seconds of a round with one client.
        warm: least seconds of load before a window.
        window: least seconds of a window.
        patience: most seconds of each; see ``load.closed_loop``.
        scaling_repeats: how often each turn is asked for the cost's growth.
        generator_seconds: of the check of the load generator, a client count.
        left_out: peers that are not measured unless they are asked for by name.
        alone: peers that several clients at once are kept from: what they do then takes minutes.
    """

    turns: int
    turns_a_round: int
    rounds: dict[int, int]
    settle: float
    seconds_alone: float
    warm: float
    window: float
    patience: float
    scaling_repeats: int
    generator_seconds: float
    left_out: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.turns < self.turns_a_round or min(self.rounds.values(), default=0) < 1:
            raise PeerError(f"turns and rounds do not fit: {self}")


QUICK = Plan(
    turns=60,
    turns_a_round=15,
    rounds={1: 3, 4: 1, 16: 2},
    settle=3.0,
    seconds_alone=1.5,
    warm=1.0,
    window=3.0,
    patience=10.0,
    scaling_repeats=2,
    generator_seconds=0.5,
    left_out=("cascade_client", "flask", "plug_and_play_no_db", "plug_and_play", "cascaded"),
    alone=("cascade_workflow",),
)
FULL = Plan(
    turns=200,
    turns_a_round=40,
    rounds={1: 5, 4: 3, 16: 5, 64: 3},
    settle=15.0,
    seconds_alone=6.0,
    warm=3.0,
    window=10.0,
    patience=40.0,
    scaling_repeats=5,
    generator_seconds=2.0,
)
