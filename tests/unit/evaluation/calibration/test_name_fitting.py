"""How near a name must come is fitted where it tells misspelt names from other names."""

import random

import pytest
from rapidfuzz.distance import OSA

from todserve.evaluation.calibration.name_closeness_fit import (
    MOST_MISTAKEN,
    NameCase,
    fit_threshold,
    misspelt,
    name_cases,
    score,
)
from todserve.runtime.errors import ConfigError

PLACE = ("restaurant", "name")
NAMES = {
    PLACE: ("charlie chan", "golden wok", "the missing sock", "curry garden", "sitar tandoori"),
    ("hotel", "name"): ("arbury lodge", "hamilton lodge", "warkworth house"),
}
LABELLED = [(PLACE, name) for name in NAMES[PLACE]] + [(PLACE, "no such place"), (PLACE, "the 17")]


def test_a_misspelt_name_is_another_text_of_much_the_same_letters() -> None:
    draw = random.Random(1)
    for name in NAMES[PLACE] * 20:
        typed = misspelt(name, draw)
        assert OSA.distance(typed, name) <= 4  # two mistakes may meet in one place
        assert typed.split()


def test_cases_are_misspelt_names_hidden_names_and_names_of_other_domains() -> None:
    cases = name_cases(LABELLED, NAMES)
    assert {one.hidden for one in cases} - {None} == set(NAMES[PLACE])
    assert {one.meant for one in cases} - {None} == set(NAMES[PLACE])
    others = {one.value for one in cases if one.meant is None and one.hidden is None}
    assert others == set(NAMES["hotel", "name"])
    assert cases == name_cases(LABELLED, NAMES)


def test_the_threshold_is_the_lowest_that_mistakes_few_enough_names() -> None:
    cases = name_cases(LABELLED, NAMES)
    fitted = fit_threshold(cases, NAMES)
    assert fitted.mistaken_share <= MOST_MISTAKEN
    assert 0.6 <= fitted.threshold < 0.9
    assert fitted.recall > score(cases, NAMES, 0.95).recall


def test_a_hidden_name_read_as_another_is_a_mistake() -> None:
    names = {PLACE: ("taj tandoori", "saj tandoori")}
    case = NameCase(place=PLACE, value="taj tandoori", meant=None, hidden="taj tandoori")
    assert score([case], names, 0.8).mistaken == 1
    assert score([case], names, 0.8).precision == 0.0
    assert score([case], names, 0.99).mistaken == 0


def test_without_a_known_name_nothing_can_be_fitted() -> None:
    with pytest.raises(ConfigError, match="no labelled value"):
        fit_threshold([NameCase(place=PLACE, value="x", meant=None)], NAMES)
