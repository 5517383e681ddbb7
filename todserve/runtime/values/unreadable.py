"""UnreadableValue: what was said is no value of its slot's type, and why.

Raised by the readers of values and caught by ``value_reader``, which has it shown as refused.
Example: of the date ``next week`` the reason is "it names no day".
"""

from todserve.runtime.errors import TodError


class UnreadableValue(TodError):  # noqa: N818  (what it says of a value, not of a program)
    """A value that is none of its type; its text is the reason, without the value itself."""
