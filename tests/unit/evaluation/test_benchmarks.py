"""Benchmarks by name: what they declare, and what is refused before anything is loaded."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.corpora_fixtures import TINY
from tests.support.source_tree import ROOT
from todserve.cli.main import main
from todserve.corpora.registry import CORPORA
from todserve.evaluation import suites
from todserve.evaluation.benchmark_options import BenchmarkOptions
from todserve.evaluation.benchmark_registry import BENCHMARKS, benchmark_of, run_benchmark
from todserve.runtime.errors import ConfigError, CorpusError

COMMON = {
    *("--checkpoint", "--url", "--name", "--engine", "--dtype", "--threads"),
    *("--limit", "--split", "--json", "--corpora"),
}


def documented() -> list[tuple[str, list[str]]]:
    """Return the benchmark and the options of every ``tod evaluate NAME`` that the docs show."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    shown = [
        shlex.split(line)
        for page in pages
        for line in re.findall(r"^tod evaluate (\w.*)$", page.read_text("utf-8"), re.MULTILINE)
    ]
    return [
        (name, [word for word in rest if word.startswith("--")])
        for name, *rest in shown
        if name != "brevity"  # docs/evaluation.md adds it
    ]


def test_there_are_the_benchmarks_that_there_were() -> None:
    known = {"multiwoz", "sgd", "banking77", "clinc150", "people", "corpus", "truth", "domains"}
    assert known <= set(BENCHMARKS)


@pytest.mark.parametrize("name", list(BENCHMARKS))
def test_every_benchmark_says_what_it_measures_and_takes_the_common_options(name: str) -> None:
    benchmark = BENCHMARKS[name]
    assert benchmark.name == name
    assert len(benchmark.measures.split()) > 4
    assert set(benchmark.corpora) <= set(CORPORA)
    assert {option.flag for option in benchmark.described()} >= COMMON
    assert [option.name for option in benchmark.described() if not option.help] == []
    for option in benchmark.described():
        assert option.type in (str, int, float, bool, Path)
        assert bool(option.metavar) != (option.type is bool)


@pytest.mark.parametrize(("name", "flags"), documented())
def test_every_option_the_docs_show_is_one(name: str, flags: list[str]) -> None:
    assert set(flags) <= {option.flag for option in BENCHMARKS[name].described()}


def test_the_docs_show_options() -> None:
    assert len(documented()) > 5


def test_listing_shows_every_sentence_and_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sgd").symlink_to(TINY / "sgd")
    monkeypatch.setenv("TOD_DATA", str(tmp_path))
    assert main(["evaluate"]) == 0
    shown = capsys.readouterr().out
    assert [one.name for one in BENCHMARKS.values() if one.measures not in shown] == []
    assert "sgd is at hand" in shown
    assert "multiwoz21 is missing: `tod data get multiwoz21`" in shown


def test_listing_loads_no_network() -> None:
    source = (
        "import sys; from todserve.evaluation.benchmark_registry import list_benchmarks; "
        "list_benchmarks(); print({'torch', 'transformers', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="unknown benchmark 'multiwox'; .*multiwoz.*sgd"):
        run_benchmark("multiwox")
    assert main(["evaluate", "multiwox"]) == 2


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("sgd", {"quick": True}, "sgd: unknown option 'quick'; expected one of checkpoint, url"),
        ("multiwoz", {"limit": "many"}, "multiwoz: limit: got 'many'"),
        ("corpus", {}, "corpus: corpus: the key is missing"),
        ("multiwoz", {"split": "train"}, "multiwoz scores no split 'train'; expected one of dev"),
        ("people", {"split": "dev"}, "people scores no split 'dev'; leave it out"),
        ("people", {"url": "http://x", "threads": 2}, "got threads beside its address"),
        ("people", {"engine": "abacus"}, "engine: got 'abacus'"),
        ("people", {"limit": 0}, "limit 0; expected at least 1"),
        ("banking77", {"csv": Path("a.csv"), "split": "test"}, "--csv is the file of one"),
        ("sgd", {"split_dir": Path("a"), "split": "dev"}, "--split-dir is one"),
    ],
)
def test_what_makes_no_sense_is_refused(
    name: str, given: dict[str, object], message: str, tmp_path: Path
) -> None:
    if "corpora" in BENCHMARKS[name].options.model_fields:
        given = {"corpora": TINY, **given}
    with pytest.raises(ConfigError, match=re.escape(message)):
        run_benchmark(name, **given)


def test_an_option_that_would_change_nothing_is_refused_with_its_reason() -> None:
    with pytest.raises(ConfigError, match="got limit 3, but the ablation asks no checkpoint"):
        run_benchmark("domains", ablation=True, limit=3, corpora=TINY)
    with pytest.raises(ConfigError, match="no file of predictions is scored"):
        run_benchmark("multiwoz", allow_partial=True, corpora=TINY)


@pytest.mark.parametrize("name", ["multiwoz", "truth", "sgd", "banking77", "clinc150", "domains"])
def test_a_missing_corpus_is_named_before_the_checkpoint_is_opened(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError, match=r"not found in .*fetch it from https://.*tod data get"):
        run_benchmark(name, corpora=tmp_path, checkpoint=tmp_path / "nowhere")


def test_a_corpus_is_named_by_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    (corpus,) = (one for one in BENCHMARKS["corpus"].described() if one.positional)
    assert (corpus.flag, corpus.required) == ("corpus", True)
    assert main(["evaluate", "corpus", "nowhere", "--split", "dev"]) == 1
    assert "unknown corpus 'nowhere'; expected a folder" in capsys.readouterr().err


def test_a_corpus_found_by_its_name_scores_what_its_file_scores(tiny_checkpoint: Path) -> None:
    by_name = run_benchmark(
        "banking77", checkpoint=tiny_checkpoint, corpora=TINY, limit=2, progress=False
    )
    by_file = run_benchmark(
        "banking77",
        checkpoint=tiny_checkpoint,
        csv=TINY / "banking77" / "test.csv",
        limit=2,
        progress=False,
    )
    assert by_name == by_file
    assert set(by_name.figures) == {"accuracy", "macro_f1", "invented"}
    assert by_name.signature.startswith("banking77|test:")


def test_a_number_format_that_changes_figures_is_signed(tiny_checkpoint: Path) -> None:
    given = {"checkpoint": tiny_checkpoint, "corpora": TINY, "limit": 1, "progress": False}
    plain = run_benchmark("sgd", **given)
    rounded = run_benchmark("sgd", dtype="bfloat16", threads=1, **given)
    assert "-bfloat16|" in rounded.signature
    assert rounded.signature.replace("-bfloat16", "") == plain.signature


def test_options_without_a_value_keep_their_defaults() -> None:
    options = benchmark_of("multiwoz").checked()
    assert isinstance(options, BenchmarkOptions)
    assert (options.split, options.limit, options.settings()) == ("dev", None, None)


def test_a_module_that_declares_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from todserve.evaluation import benchmark_registry

    name = f"{suites.__name__}.sgd.sgd_benchmark"
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    with pytest.raises(ConfigError, match="sgd_benchmark: got BENCHMARK None; expected a Benchm"):
        list(benchmark_registry._declared())
