"""docs/api.md: every example runs, in its order, and prints what the page says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import todserve
from tests.support.pipeline_server import PipelineServer
from tests.support.source_tree import ROOT
from tests.support.tiny_run import prepare_run

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
URL = "http://127.0.0.1:8080"
STEPS = """
- kind: greeting
  turns: [{user: a train to ely please, intent: find_train, state: {train: {destination: ely}}}]
"""


def examples(page: str) -> list[tuple[str, str]]:
    """Return each example with the output that stands after it, "" where none does."""
    found = re.findall(
        r"^```python\n(.*?)^```\n(?:\n((?:^    [^\n]*\n)+))?", page, re.DOTALL | re.MULTILINE
    )
    return [(code, re.sub(r"^    ", "", shown, flags=re.MULTILINE)) for code, shown in found]


@pytest.fixture(scope="module")
def server() -> Iterator[PipelineServer]:
    with (
        todserve.load(ROOT / "checkpoints" / "multiwoz") as pipeline,
        PipelineServer(pipeline) as running,
    ):
        yield running


def test_every_example_does_what_the_page_says(
    server: PipelineServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare_run(tmp_path).rename(tmp_path / "my.yaml")
    (tmp_path / "my-steps.yaml").write_text(STEPS)
    (tmp_path / "checkpoints").symlink_to(ROOT / "checkpoints")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    shown_at_all = 0
    for code, shown in examples(PAGE):
        capsys.readouterr()
        exec(compile(code.replace(URL, server.url), "docs/api.md", "exec"), names)
        printed = capsys.readouterr().out.replace(server.url, URL)
        if shown:
            assert printed == shown
            shown_at_all += 1
    assert shown_at_all >= 8
    assert (tmp_path / "archive" / "store" / "tod.mar").is_file()


def test_the_page_lists_every_name() -> None:
    named = set(re.findall(r"\b\w+\b", PAGE))
    assert {name for name in todserve.__all__ if name != "__version__"} <= named
