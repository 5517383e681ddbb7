"""The file of what is tried: shares as people write them, names that fall to them, other files."""

from pathlib import Path

import pytest

from todserve.runtime.errors import ConfigError, ServerError
from todserve.serving.releases.rollout_file import Rollout, RolloutFile, Trial, share_of


@pytest.mark.parametrize(
    ("text", "share"), [("10%", 0.1), ("0.5%", 0.005), ("1", 1), (" .2 ", 0.2)]
)
def test_a_share_is_read_as_people_write_it(text: str, share: float) -> None:
    assert share_of(text) == pytest.approx(share)


@pytest.mark.parametrize(
    "text", ["", "%", "0%", "101%", "-1%", "1.5", "10%%", "nan", "inf%", "ten"]
)
def test_what_is_no_share_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ConfigError, match="expected a share above 0% and at most 100%"):
        share_of(text)


def test_a_greater_share_takes_what_a_smaller_one_took_and_about_as_many_as_it_says() -> None:
    names = [f"{number:032x}" for number in range(4000)]
    taken = {
        share: {name for name in names if Trial(version="2.0", share=share).takes(name)}
        for share in (0.1, 0.5, 1.0)
    }
    assert taken[0.1] < taken[0.5] < taken[1.0] == {*names}
    assert 320 <= len(taken[0.1]) <= 480
    assert 1850 <= len(taken[0.5]) <= 2150


def test_each_model_has_its_own_and_what_is_written_is_read(tmp_path: Path) -> None:
    file = RolloutFile(tmp_path / "logs")
    assert file.read("tod") == Rollout()
    tried = Rollout(canary=Trial(version="2.0", share=0.1))
    file.write("tod", tried)
    file.write("korean", Rollout(shadow=Trial(version="1.1", share=1)))
    assert RolloutFile(tmp_path / "logs").read("tod") == tried
    file.write("tod", Rollout())
    assert file.read("tod") == Rollout()
    assert file.read("korean").shadow is not None


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"tod": {"canary": {"version": "2.0", "share": 7}}}', '{"tod": 1}']
)
def test_a_file_of_somebody_elses_is_named_and_not_repeated(tmp_path: Path, content: str) -> None:
    file = RolloutFile(tmp_path)
    file.path.write_text(content)
    with pytest.raises(ServerError, match=r"rollout\.json: .*expected what `tod release") as told:
        file.read("tod")
    assert content not in str(told.value) or len(content) < 3
    with pytest.raises(ServerError):
        file.write("tod", Rollout())
    assert file.path.read_text() == content
