"""Detokenisation: undoes a publisher's split into words, so that text looks as people type it.

The MultiWOZ readers put every text through it before the model sees it. Example:
``"that s 3 hotel -s . ok ?"`` becomes ``"that's 3 hotels. ok?"``. What the speakers themselves
typed ("dont", "pls") stays.
"""

import re

_SPACE = re.compile(r"\s+")
# DST-STAR's tsv splits off inflections: "restaurant -s", "moderate -ly", "cheap -er".
_INFLECTION = re.compile(r"(?<=\w) -(s|ly|er)\b")
# ... and drops apostrophes: "that s", "rosa s bed and breakfast". Not after function words,
# where a stray "s" is a typing slip of the speaker.
_LOST_APOSTROPHE = re.compile(r"\b(?!(?:i|a|and|or|to|the)\b)([a-z]\w*) s\b", re.IGNORECASE)
# Treebank tokens of the annotated layout: "do n't", "Rosa 's", "I 'm".
_CONTRACTION = re.compile(r"(?<=\w) (n't|'(?:s|m|d|re|ve|ll|t))\b", re.IGNORECASE)
_MERIDIEM = re.compile(r"\b([ap]) \. m\b( \.)?", re.IGNORECASE)
_BEFORE = re.compile(r" +([.,?!:;)\]%])(?!\w)")
_AFTER = re.compile(r"(?<!\S)([(#]) +(?=\w)")
# Typed "im", tokenised "i m" by Treebank rules.
_I_AM = re.compile(r"\bi m\b", re.IGNORECASE)
_RANGE = re.compile(r"(?<=\d) - (?=\d)")
_SLASH = re.compile(r"(?<=\w) / (?=\w)")
_QUOTED = re.compile(r'(?<!\S)" ?([^"]*?) ?"(?!\w)')

_CLOCK = re.compile(r"\b(\d\d):(\d\d)(?!\d)")
# "reference number 1amb3xqd" became "reference number 01:00 amb3xqd".
_REFERENCE = re.compile(r"(?<=number )((?:is )?(?:: )?)(\d\d):00 (?=[a-z0-9]{6,7}\b)")
_HOUSE_LETTER = re.compile(r"[a-d]\b")  # 251a chesterton road
_MONEY_AFTER = re.compile(r"\s*(?:pounds?|punds|gbp|gpb|euros?)\b")
_COUNTED_AFTER = re.compile(
    r"\s*(?:stars?|star-rated|of th(?:em|ese|ose)|different|minutes?|hours?|guest|hotels?"
    r"|places?)\b"
)
_STREET_AFTER = re.compile(
    r"\s+(?!(?:a|and|at|by|for|from|i|in|is|it|on|or|that|the|this|to|with|you)\b)"
    r"(?:[\w'.]+\s+){1,3}?"
    r"(?:street|road|lane|way|avenue|court|row|parade|place|drive|crescent|passage|hill|yard"
    r"|square|close|terrace|rd)\b"
)


def detokenise(text: str) -> str:
    """Return ``text`` with natural spacing, apostrophes and inflections.

    Args:
        text: tokenised text of either MultiWOZ layout; case is kept.
    """
    text = _SPACE.sub(" ", text).strip()
    text = text.replace("child -s", "children")
    text = _INFLECTION.sub(r"\1", text)
    text = _CONTRACTION.sub(r"\1", text)
    text = _LOST_APOSTROPHE.sub(r"\1's", text)
    text = _I_AM.sub("i'm", text)
    text = _MERIDIEM.sub(r"\1m\2", text)
    text = _RANGE.sub("-", text)
    text = _SLASH.sub("/", text)
    text = _QUOTED.sub(r'"\1"', text)
    text = _AFTER.sub(r"\1", text)
    return _BEFORE.sub(r"\1", text)


def repair_clock_times(text: str) -> str:
    """Turn prices and house numbers that the tsv's normaliser made clock times back.

    DST-STAR rewrote "at 12 lensfield road" as "at 12:00 lensfield road" and "23.60 pounds" as
    "23:60 pounds". A value is put back when it is no time of day, or when what follows says
    that it counts money, things or houses; anything else stays.
    """

    def restore(match: re.Match[str]) -> str:
        hours, minutes = match.groups()
        after = text[match.end() :]
        if _HOUSE_LETTER.match(after) is not None:
            return f"{int(hours)}{minutes}"
        street = _STREET_AFTER.match(after) is not None
        impossible = int(hours) > 23 or int(minutes) > 59
        if not street and _MONEY_AFTER.match(after) is None and not impossible:
            # "at 4 stars" became "at 04:00 stars"; "21:30 of them" was never a count.
            counted = minutes == "00" and _COUNTED_AFTER.match(after) is not None
            return str(int(hours)) if counted else match.group()
        if minutes == "00":
            return str(int(hours))
        if street:
            # "154 chesterton road" -> 01:54, "15-17 norman way" -> 15:17.
            return f"{int(hours)}{minutes}" if hours < "10" else f"{hours}-{minutes}"
        return f"{int(hours)}.{minutes}"

    text = _REFERENCE.sub(lambda match: f"{match[1]}{int(match[2])}", text)
    return _CLOCK.sub(restore, text)
