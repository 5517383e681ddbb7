"""Cases that schemathesis invents from an OpenAPI document, the same ones every time."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, CheckFunction, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

PATIENCE = 60  # seconds for one answer


def check_generated(
    document: OpenApiSchema,
    mode: GenerationMode,
    check: Callable[[Case[Any]], None],
    *,
    examples: int = 25,
) -> int:
    """Check every operation; returns how many cases there were.

    Args:
        document: of the API.
        mode: well-formed or malformed.
        check: sends a case, and fails where its answer is not as the document says.
        examples: cases of one operation.
    """
    cases = 0
    bounds = settings(
        max_examples=examples,
        deadline=None,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    for found in document.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @bounds
        @given(case=operation.as_strategy(mode))
        def checked(case: Case[Any]) -> None:
            nonlocal cases
            cases += 1
            check(case)

        # Where an operation takes nothing, nothing can be malformed.
        with suppress(Unsatisfiable):
            checked()
    return cases


def check_answer(
    case: Case[Any], is_about_labels: Callable[[Response], bool], base_url: str | None = None
) -> None:
    """Send a case and hold its answer against the document.

    Args:
        case: what to send.
        is_about_labels: says of a refusal that it is of a name which only a checkpoint knows;
            no schema can tell those, so a well-formed case may be refused for one.
        base_url: where to, if not where the document came from.
    """
    answer = case.call(base_url=base_url, timeout=PATIENCE)
    excluded: list[CheckFunction] = [positive_data_acceptance] if is_about_labels(answer) else []
    case.validate_response(answer, excluded_checks=excluded)
