"""BodyMarks: what the headers of a request say of its body, and what TorchServe adds to them.

TorchServe's handler reads them from each body and gives them to the worker with it. Example: what
was posted to ``/v1/models/tod:explain`` is marked ``explain``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from todserve.runtime.traces.trace_spans import carried
from todserve.runtime.wire.binary_tensors import JSON_LENGTH
from todserve.runtime.wire.turn_events import IN_LINES


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyMarks:
    """What a request's headers say of its body: type, coding, length of its JSON, what is asked.

    Attributes:
        explain: whether it came to a path that asks for an explanation.
        describe: whether the management API asks what the model is.
        coding: how the body is packed.
        content_type: of the whole body.
        json_length: where its JSON ends and binary texts begin.
        in_lines: whether what was understood is to be told first.
        came_over_http: whether it has headers at all: what comes over gRPC has none.
        kinds: field -> its content type, without parameters.
        trace: what names the client's span, where that traces.
    """

    explain: bool
    describe: bool
    coding: str
    content_type: str
    json_length: str
    in_lines: bool
    came_over_http: bool
    kinds: Mapping[str, str]
    trace: Mapping[str, str]

    @classmethod
    def of(cls, headers: Mapping[str, object]) -> "BodyMarks":
        """Read the headers of a request; TorchServe keeps the type of each field among them."""
        lower = {
            name.lower(): str(value) for name, value in headers.items() if isinstance(value, str)
        }
        return cls(
            explain=lower.get("explain") == "True",
            describe=lower.get("describe") == "True",
            coding=lower.get("content-encoding", ""),
            content_type=lower.get("content-type", ""),
            json_length=lower.get(JSON_LENGTH.lower(), ""),
            in_lines=IN_LINES in lower.get("accept", ""),
            came_over_http=bool(lower),
            kinds={
                name: str(value.get("content-type") or "").lower()
                for name, value in headers.items()
                if isinstance(value, Mapping)
            },
            trace=carried(lower),
        )
