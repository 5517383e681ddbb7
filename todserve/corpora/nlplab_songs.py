"""NLPLAB's songs: the entity database that its replies are told from, as far as they tell it.

Stands before training. The publisher gives out dialogues and no database; a reply's
``user_slots`` name songs with their singers, and what else was said of them. Example: a reply
about ``{"song title": "PCR", "singer": "Sandeul", "genre": "ballad"}`` is one song.

Of dev alone: a test split's replies must not be known to a model that is scored on it.
"""

from collections.abc import Iterator, Mapping

from todserve.corpora.json_files import json_list, layout
from todserve.corpora.labels import label
from todserve.corpora.nlplab import DOMAIN, SEVERAL, composed
from todserve.corpora.source import CorpusSource
from todserve.runtime.knowledge.domain_table import Comparison, DomainTable

_TITLE, _SINGER = "song title", "singer"
_OF_ALL = ("composer", "lyricist", "genre")
"""What is said once of all songs of a reply."""

SONGS = DomainTable(
    domain=DOMAIN,
    columns=tuple(label(name) for name in (_TITLE, _SINGER, *_OF_ALL)),
    comparisons={label(name): Comparison.NAME for name in (_TITLE, _SINGER, *_OF_ALL)},
    order=("song_title", "singer"),
)

_LISTS = ("리스트", "목록")
"""How annotated genres end that are a list to play from."""

Song = dict[str, str]


def nlplab_songs(source: CorpusSource) -> tuple[Song, ...]:
    """Return the songs of dev's replies, column -> value, each singer's title once.

    A song whose singer is not told is left out: a reply about one that was not found names it too.

    Raises:
        CorpusError: not the publisher's layout.
    """
    path = "dev_dialog.json"
    songs: dict[tuple[str, str], Song] = {}
    entries = json_list(source, path)
    with layout(path, "HG-TODS"):
        for entry in entries:
            for turn in entry["turns"]:
                for song in _songs(turn["user_slots"], turn["system_slots"]):
                    known = songs.setdefault((song["song_title"], song["singer"]), song)
                    known.update({name: known.get(name) or song[name] for name in song})
    return tuple(songs.values())


def _songs(told: Mapping[str, str], asked: Mapping[str, str]) -> Iterator[Song]:
    titles, singers = _several(told[_TITLE]), _several(told[_SINGER])
    if not titles or not singers:
        return
    if len(titles) == 1:
        singers = [", ".join(singers)]
    if len(singers) == 1:
        singers *= len(titles)
    if len(titles) != len(singers):
        # Which of them sings which, only the sentence says.
        return
    shared = {}
    for name in _OF_ALL:
        asked_for = [one for one in _several(asked[name]) if not one.endswith(_LISTS)]
        values = _several(told[name]) or asked_for
        # A genre that was asked for is the songs'; a reply that lists several tells them of one.
        if values and (len(values) == 1 or len(titles) == 1):
            shared[name] = ", ".join(values)
    for title, singer in zip(titles, singers, strict=True):
        yield {"song_title": title, "singer": singer, **shared}


def _several(value: str) -> list[str]:
    return [part.strip() for part in composed(value).split(SEVERAL) if part.strip()]
