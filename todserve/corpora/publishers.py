"""Who publishes each corpus, under which licence, and what its folder looks like.

Stands before any reader: `source.find` uses it to recognise a corpus and to name its public
source when it is missing. Example: ``PUBLISHERS["sgd"].licence == "CC BY-SA 4.0"``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True, slots=True)
class Publisher:
    """One corpus as its publisher distributes it.

    Attributes:
        name: the short name used everywhere, e.g. ``multiwoz21``.
        title: the corpus's own name.
        licence: of the dialogues.
        url: the public page to fetch it from.
        archive: file name of the repacked ``.tar.xz``.
        markers: files, relative to the corpus's folder, any of which proves that it is there.
        splits: the splits our readers offer.
        caution: what to say beside any score, or "".
    """

    name: str
    title: str
    licence: str
    url: str
    archive: str
    markers: tuple[str, ...]
    splits: tuple[str, ...]
    caution: str = ""


_ALL = (
    Publisher(
        name="multiwoz21",
        title="MultiWOZ 2.1",
        licence="MIT",
        url=(
            "https://github.com/budzianowski/multiwoz (db/, schema.json), "
            "https://github.com/smartyfh/DST-STAR (train/dev/test.tsv), "
            "https://github.com/thu-coai/ConvLab-2 (annotated/val.json and test.json)"
        ),
        archive="multiwoz21.tar.xz",
        markers=("train.tsv", "dev.tsv", "test.tsv", "annotated/val.json"),
        splits=("train", "dev", "test"),
        caution="acts and intents exist for dev and test only; those of train are silver",
    ),
    Publisher(
        name="sgd",
        title="Schema-Guided Dialogue",
        licence="CC BY-SA 4.0",
        url="https://github.com/google-research-datasets/dstc8-schema-guided-dialogue",
        archive="sgd-train-dev.tar.xz",
        markers=("train/schema.json", "dev/schema.json"),
        splits=("train", "dev"),
    ),
)

PUBLISHERS: Mapping[str, Publisher] = MappingProxyType({one.name: one for one in _ALL})
"""name -> publisher."""
