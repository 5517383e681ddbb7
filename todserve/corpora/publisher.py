"""Publisher: who publishes a corpus, its licence, its public source and its files.

Part of what every reader declares; used to recognise a corpus and to name its public source when
it is missing. Example: ``CORPORA["sgd"].publisher.licence == "CC BY-SA 4.0"``.
"""

from dataclasses import dataclass

from todserve.runtime.errors import CorpusError


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
        folder: the corpus's folder inside the archive; its name when "".
    """

    name: str
    title: str
    licence: str
    url: str
    archive: str
    markers: tuple[str, ...]
    splits: tuple[str, ...]
    caution: str = ""
    folder: str = ""

    def check(self, split: str) -> None:
        """Refuse a split that is none of the corpus's.

        Raises:
            CorpusError: it is none.
        """
        if split not in self.splits:
            raise CorpusError(
                f"unknown split {split!r} of {self.name}; expected one of {', '.join(self.splits)}"
            )
