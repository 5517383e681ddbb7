"""Problem words: says what was expected, in plain words, where a validator found something else.

Called for messages that refuse a setting, a request or a file: those who read them know YAML and
JSON, not the library that checks them. Example: ``int_parsing`` is "expected a whole number".
"""

from collections.abc import Mapping
from typing import Any

EXPECTED = {
    "missing": "the key is missing",
    "extra_forbidden": "unknown key",
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "dict_type": "expected keys and values",
    "mapping_type": "expected keys and values",
    "model_attributes_type": "expected keys and values",
    "model_type": "expected keys and values",
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "finite_number": "expected a finite number",
    "frozen_set_type": "expected a list",
    "list_type": "expected a list",
    "set_type": "expected a list",
    "tuple_type": "expected a list",
    "int_from_float": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_parsing_size": "expected a whole number of fewer digits",
    "int_type": "expected a whole number",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected at most {le}",
    "enum": "expected {expected}",
    "literal_error": "expected {expected}",
    "none_required": "expected nothing",
    "path_type": "expected a path",
    "string_pattern_mismatch": "expected a text of the form {pattern}",
    "string_too_long": "expected at most {max_length} characters",
    "string_too_short": "expected at least {min_length} characters",
    "string_type": "expected a text",
    "string_unicode": "expected a text of whole characters",
    "too_long": "got more than {max_length}; expected at most so many",
    "too_short": "got {actual_length}; expected at least {min_length}",
}
"""A kind of problem that the validator names -> what is said of it."""

KINDS: dict[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
"""What a value of YAML or JSON is called."""

_OWN = "Value error, "
"""What the validator puts before a message that is one of ours."""


def expectation(problem: Mapping[str, Any], words: Mapping[str, str] = EXPECTED) -> str:
    """Return what was expected.

    Args:
        problem: one of those that a ``ValidationError`` lists.
        words: other words for some kinds.
    """
    told: Mapping[str, Any] = problem.get("ctx", {})
    if problem["type"] in words:
        return words[problem["type"]].format(**told)
    reason = str(problem["msg"]).removeprefix(_OWN)
    # Its beginning alone: a pattern in it means something else in lower case.
    return reason[:1].lower() + reason[1:]
