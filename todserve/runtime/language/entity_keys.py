"""Entity keys: which of the known names somebody means who writes one in another way.

The knowledge base calls it when a name is looked up. Names are compared by
`WordForms.comparison_key`. Example: "the fitzwilliam" means ``the fitzwilliam museum``, and "el
shaddia" means ``el shaddai``.
"""

import difflib

from todserve.runtime.language.word_forms import WordForms

_SHORTEST_PART = 4  # "ask" must not be found inside "alaska diner"
_CLOSE_ENOUGH = 0.84  # "el shaddia" for "el shaddai"


def meant_keys(key: str, known: tuple[str, ...], forms: WordForms) -> tuple[str, ...]:
    """Return the known keys meant by ``key``: itself, those it is part of, or the one close to it.

    Someone who says "pizza hut" means any of them; someone who says "the nice acorn guest house"
    must not also get every name that those words happen to contain.
    """
    if key in known:
        return (key,)
    bare = {forms.bare_key(one): one for one in known}
    wanted = forms.bare_key(key)
    if wanted in bare or len(key) < _SHORTEST_PART:
        return (bare.get(wanted, key),)
    longer = tuple(one for one in known if key in one)
    if longer:
        return longer
    within = [one for one in known if len(one) >= _SHORTEST_PART and one in key]
    if len(within) == 1:
        return tuple(within)
    close = difflib.get_close_matches(wanted, bare, n=2, cutoff=_CLOSE_ENOUGH)
    return (bare[close[0]],) if len(close) == 1 else (key,)
