"""What a benchmark declares: what it measures, what it needs, its options and how it is run.

Every module ``NAME_benchmark.py`` in a folder of `suites` holds one ``BENCHMARK``, and the registry
finds it there: ``tod evaluate``, few-shot runs and ``todserve.evaluate`` need not know of it.
docs/evaluation.md shows the whole of a small one. Example:
``BENCHMARKS["people"].scores(checkpoint=Path("checkpoints/multiwoz"), limit=5).figures``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import UnionType
from typing import Any, Generic, TypeVar, Union, cast, get_args, get_origin

from pydantic import ValidationError

from todserve.evaluation.benchmark_options import BenchmarkOptions, Typed
from todserve.evaluation.scorecard import Scores
from todserve.runtime.errors import ConfigError, first_problem

O = TypeVar("O", bound=BenchmarkOptions)  # noqa: E741


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One option of a benchmark, told so that any command line can offer it.

    Attributes:
        name: of the field it sets, e.g. ``split_dir``.
        flag: as it is typed, ``--split-dir``; the bare name where `positional`.
        type: of its value; a ``bool`` is a switch without a value, False when it is not given.
        default: what holds when it is not given.
        required: it must be given.
        positional: it is given by its place, without a flag.
        metavar: stands for its value in a help text; "" for a switch.
        help: says what it is for.
    """

    name: str
    flag: str
    type: type[Any]
    default: Any
    required: bool
    positional: bool
    metavar: str
    help: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Benchmark(Generic[O]):
    """A benchmark that can be run by its name.

    Attributes:
        name: as it is typed after ``tod evaluate``.
        measures: what, in one sentence.
        options: the common options and its own.
        run: measures, prints, writes ``out``, and returns the scores. Whatever it needs beyond
            its options it imports itself, so that listing the benchmarks loads no network.
        corpora: short names of the corpora it may need.
        splits: those of the corpus that can be scored; None where any name may be one, nothing
            where there are none to choose from.
        needs: which of them it needs with the options it is given; all of them when None.
    """

    name: str
    measures: str
    options: type[O]
    run: Callable[[O], Scores]
    corpora: tuple[str, ...] = ()
    splits: tuple[str, ...] | None = ()
    needs: Callable[[O], tuple[str, ...]] | None = None

    def described(self) -> tuple[Option, ...]:
        """Return its options, the common ones first."""
        return tuple(
            Option(
                name=name,
                flag=name if told.positional else told.flag or f"--{name.replace('_', '-')}",
                type=_plain(field.annotation),
                default=None if field.is_required() else field.default,
                required=field.is_required(),
                positional=told.positional,
                metavar=told.metavar,
                help=told.help,
            )
            for name, field in self.options.model_fields.items()
            for told in field.metadata
            if isinstance(told, Typed)
        )

    def checked(self, **given: Any) -> O:
        """Return its options with what is given.

        Raises:
            ConfigError: an option that it does not have, or a value that it cannot take.
        """
        try:
            options = self.options(**given)
        except ValidationError as error:
            raise ConfigError(f"{self.name}: {self._refusal(error)}") from error
        known = self.splits
        if known is not None and "split" in given and options.split not in known:
            expected = f"expected one of {', '.join(known)}" if known else "leave it out"
            raise ConfigError(f"{self.name} scores no split {options.split!r}; {expected}")
        return options

    def scores(self, **given: Any) -> Scores:
        """Run it.

        Args:
            given: its options by name, see `described`.

        Raises:
            ConfigError: an option that it does not have, or a value that it cannot take.
            CorpusError: a corpus that it needs is missing.
        """
        from todserve.corpora.registry import find

        options = self.checked(**given)
        for corpus in self.corpora if self.needs is None else self.needs(options):
            find(corpus, options.corpora)
        return self.run(options)

    def _refusal(self, error: ValidationError) -> str:
        unknown = [one["loc"][0] for one in error.errors() if one["type"] == "extra_forbidden"]
        if unknown:
            known = ", ".join(self.options.model_fields)
            return f"unknown option {unknown[0]!r}; expected one of {known}"
        return first_problem(error)


def _plain(annotation: Any) -> type[Any]:
    """Return the type of a value where there is one: ``int`` of ``int | None``."""
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    (plain,) = (kind for kind in kinds if kind is not type(None))
    return cast(type[Any], plain)
