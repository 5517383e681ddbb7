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
    Publisher(
        name="camrest676",
        title="CamRest676",
        licence="CC BY 4.0",
        url="https://github.com/thu-coai/ConvLab-2 (data/camrest/)",
        archive="camrest676.tar.xz",
        markers=("train.json", "val.json", "test.json"),
        splits=("train", "dev", "test"),
        caution="the same restaurants as MultiWOZ's: name it beside any few-shot score there",
    ),
    Publisher(
        name="woz20",
        title="WOZ 2.0 (English)",
        licence="Apache-2.0",
        url="https://github.com/nmrksic/neural-belief-tracker (data/woz/)",
        archive="woz20.tar.xz",
        markers=("woz_train_en.json", "woz_validate_en.json", "woz_test_en.json"),
        splits=("train", "dev", "test"),
        caution="the same restaurants as MultiWOZ's: name it beside any few-shot score there",
    ),
    Publisher(
        name="star",
        title="STAR",
        licence="MIT",
        url="https://github.com/RasaHQ/STAR",
        archive="star.tar.xz",
        markers=("apis/apis/hotel_book.json", "dialogues/1.json"),
        splits=("train",),
        caution="no official splits: everything is train; states stand at turns with a query only",
    ),
    Publisher(
        name="multidogo",
        title="MultiDoGO (turn level)",
        licence="CDLA-Permissive-1.0",
        url=(
            "https://github.com/awslabs/multi-domain-goal-oriented-dialogues-dataset "
            "(data/paper_splits/splits_annotated_at_turn_level/)"
        ),
        archive="multidogo.tar.xz",
        markers=("airline/train.tsv", "airline/dev.tsv", "airline/test.tsv"),
        splits=("train", "dev", "test"),
        caution="customers' turns only; a state is what has been tagged so far",
        folder="multidogo/data/paper_splits/splits_annotated_at_turn_level",
    ),
    Publisher(
        name="banking77",
        title="Banking77",
        licence="CC BY 4.0",
        url="https://github.com/PolyAI-LDN/task-specific-datasets (banking_data/)",
        archive="banking77.tar.xz",
        markers=("train.csv", "test.csv"),
        splits=("train", "test"),
        caution="no official dev split: take one from train by hash before choosing anything",
    ),
    Publisher(
        name="clinc150",
        title="CLINC150",
        licence="CC BY 3.0",
        url="https://github.com/clinc/oos-eval (data/)",
        archive="clinc150.tar.xz",
        markers=("data_full.json",),
        splits=("train", "dev", "test", "oos_train", "oos_dev", "oos_test"),
        caution="out-of-scope utterances stand in the oos_ splits, not in train, dev and test",
    ),
    Publisher(
        name="taskmaster4",
        title="Taskmaster-4",
        licence="CC BY 4.0",
        url="https://github.com/google-research-datasets/Taskmaster (TM-4-2024/)",
        archive="taskmaster4.tar.xz",
        markers=("data/data_00.json",),
        splits=("train",),
        caution="no official splits: everything is train; a state describes an order's first drink",
        folder="tm4/TM-4-2024",
    ),
    Publisher(
        name="3i4k",
        title="3i4K",
        licence="CC BY-SA 4.0",
        url="https://github.com/warnikchow/3i4k (data/train_val_test/)",
        archive="korean.tar.xz",
        markers=("fci_train_val.txt", "fci_test.txt"),
        splits=("train", "test"),
        caution="Korean; no official dev split: take one from train by hash before choosing",
        folder="korean/3i4k",
    ),
    Publisher(
        name="nlplab",
        title="NLPLAB music dialogues",
        licence="MIT",
        url="https://github.com/NLPlab-skku/HG-TODS (DialogueDataset/)",
        archive="korean.tar.xz",
        markers=("dev_dialog.json", "test_dialog.json"),
        splits=("dev", "test"),
        caution="Korean; the publisher gives out no train split; states start anew at every turn",
        folder="korean/nlplab_music",
    ),
)

PUBLISHERS: Mapping[str, Publisher] = MappingProxyType({one.name: one for one in _ALL})
"""name -> publisher."""
