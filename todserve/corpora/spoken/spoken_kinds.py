"""Spoken kinds: the ways of speaking that turns are made of, each with its usual share.

The spoken maker draws from this table and calls the module that makes the kind it drew.
Example: ``KINDS["way_round"]`` makes "the other way round" of departure and destination.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from todserve.corpora.spoken import (
    carried_values,
    corrections,
    small_talk,
    venue_questions,
    whole_bookings,
    withdrawals,
)
from todserve.corpora.spoken.spoken_material import Material
from todserve.corpora.spoken.spoken_turns import SpokenTurn


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which people speak, such as a correction.

    Attributes:
        make: makes a turn, or None where what was drawn does not serve.
        weight: usual share among all kinds, in parts.
        rough: how it takes roughness: a factor of the run's share, or always (None).
    """

    make: Callable[[Material, random.Random], SpokenTurn | None]
    weight: float
    rough: float | None = 1.0


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "correct": Kind(corrections.correct, 16),
        "correct_service": Kind(corrections.correct_service, 6),
        "wrong_service": Kind(corrections.wrong_service, 4),
        "way_round": Kind(corrections.way_round, 4),
        "swap_services": Kind(corrections.swap_services, 4),
        "leave_or_arrive": Kind(corrections.leave_or_arrive, 3),
        "mended_inside": Kind(whole_bookings.mended_inside, 8),
        "withdraw": Kind(withdrawals.withdraw, 9),
        "withdraw_service": Kind(withdrawals.withdraw_service, 6),
        "restart": Kind(withdrawals.restart, 3),
        "restart_with": Kind(withdrawals.restart_with, 3),
        "rule_out": Kind(withdrawals.rule_out, 3),
        "indifferent": Kind(withdrawals.indifferent, 4),
        "indifferent_to": Kind(withdrawals.indifferent_to, 6),
        "greet": Kind(small_talk.greet, 6),
        "thank": Kind(small_talk.thank, 5),
        "bye": Kind(small_talk.bye, 6),
        "bare": Kind(small_talk.bare, 2),
        "outside": Kind(small_talk.outside, 20, rough=0.5),
        "at_once": Kind(whole_bookings.at_once, 18),
        "wish": Kind(whole_bookings.wish, 10),
        "nothing_yet": Kind(whole_bookings.nothing_yet, 4),
        "listed": Kind(whole_bookings.listed, 4),
        "two_services": Kind(whole_bookings.two_services, 9),
        "story": Kind(whole_bookings.story, 4, rough=0.5),
        "merged": Kind(whole_bookings.merged, 8),
        "carry": Kind(carried_values.carry, 12),
        "between": Kind(carried_values.between, 5),
        "way_back": Kind(carried_values.way_back, 3),
        "ask": Kind(venue_questions.ask, 11),
        "misspelt_name": Kind(venue_questions.misspelt_name, 5, rough=0.3),
        "rough": Kind(venue_questions.rough, 12, rough=None),
        "mistaken": Kind(venue_questions.mistaken, 5),
        "department": Kind(venue_questions.department, 2),
    }
)
