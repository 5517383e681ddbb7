"""Phone numbers: a number as people write it, as E.164 has it.

Example: in Germany ``030 901820`` is ``+4930901820``. Only numbers that a country gives out are
taken: one that cannot be dialled is asked for again.
"""

from todserve.runtime.values.unreadable import UnreadableValue

_LONGEST = 40


def read_phone(text: str, country: str) -> str:
    """Return the number in E.164.

    Args:
        text: what was said.
        country: whose numbers may be written without a country's code.

    Raises:
        UnreadableValue: no number that can be dialled.
    """
    import phonenumbers
    from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

    if len(text) > _LONGEST:
        raise UnreadableValue("it is too long")
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException as error:
        unknown = error.error_type == NumberParseException.INVALID_COUNTRY_CODE
        raise UnreadableValue(
            "its country's code does not exist" if unknown else "it is no phone number"
        ) from None
    if not phonenumbers.is_valid_number(number):
        size = phonenumbers.is_possible_number_with_reason(number)
        if size in (ValidationResult.TOO_SHORT, ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
            raise UnreadableValue("it has too few digits")
        if size == ValidationResult.TOO_LONG:
            raise UnreadableValue("it has too many digits")
        raise UnreadableValue("no such number is given out")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
