"""One's own data: `tod train FOLDER` beside what a small project would take instead.

The same examples to three learners, the same test to each: TF-IDF of words and letters with
logistic regression; frozen MiniLM's sentence vector with logistic regression; and our default, from
the pretrained start to the served pipeline. Sets: Banking77, whole and ten examples an intent;
CLINC150 with what lies outside; three the size of Rasa projects, drawn from both; the tests' Rasa
fixture; and any folder of dialogues, a fifth of it held out intent by intent. Example:
``python -m benchmarks.own_data banking77-10 clinc150-350 our-bot --corpora DIR --json OUT``.

The shipped start has read Banking77's and CLINC150's train splits, so that "ten an intent" is few
to the other two alone; a folder of yours is the fair one.
"""

import argparse
import json
import random
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.files.jsonlines import write_lines
from todserve.corpora.readers.label_names import label
from todserve.corpora.registry import load
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.scorecard import Signature, code_version
from todserve.evaluation.suites.intents.intent_prediction import (
    PROTOCOL,
    PredictedIntent,
    predict_intents,
)
from todserve.evaluation.suites.intents.intent_scores import (
    LabelledIntent,
    intent_figures,
    scope_figures,
    spelled,
)
from todserve.runtime.language.dialogue import OUT_OF_SCOPE, Dialogue, Turn
from todserve.runtime.language.schema import Schema, Service
from todserve.serving.capacity.this_machine import processor, usable_cores
from todserve.training.network.pretrained_encoder import minilm_folder
from todserve.training.preparation.corpus_parts import held_out_by_intent, words_digest
from todserve.training.training_run import run_training

Pair = tuple[str, str]
"""(utterance, intent)."""

_STRENGTH = 10.0  # logistic regression's C for both baselines
_ITERATIONS = 300
_BATCH = 64
_LONGEST = 128  # word pieces of an utterance
_HELD_OUT = 0.2
_FIXTURE = Path(__file__).resolve().parents[1] / "tests" / "fixtures" / "rasa_project"


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A set of intents: what to learn from, what to be scored on."""

    name: str
    train: Sequence[Pair]
    test: Sequence[Pair]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A share of a published corpus.

    Attributes:
        corpus: short name.
        intents: as many of its intents, the same ones every time; all when None.
        each: examples an intent, at most; all when None.
        outside: splits of what lies outside, to learn from and to be scored on.
    """

    corpus: str
    intents: int | None = None
    each: int | None = None
    outside: tuple[str, str] | None = None


PUBLISHED = {
    "banking77": Drawn(corpus="banking77"),
    "banking77-10": Drawn(corpus="banking77", each=10),
    "clinc150": Drawn(corpus="clinc150", outside=("oos_train", "oos_test")),
    "clinc150-350": Drawn(corpus="clinc150", intents=35, each=10),
    "banking77-460": Drawn(corpus="banking77", intents=46, each=10),
    "clinc150-1500": Drawn(corpus="clinc150", intents=60, each=25),
    "clinc150-4070": Drawn(corpus="clinc150", intents=74, each=55),
}


def published(name: str, root: Path | None) -> Task:
    """Return a task drawn from a published corpus; its own test split is the test."""
    drawn = PUBLISHED[name]
    train, test = (_pairs(load(drawn.corpus, split, root)) for split in ("train", "test"))
    for pairs, split in zip((train, test), drawn.outside or (), strict=False):
        outside = _pairs(load(drawn.corpus, split, root))
        pairs += [(text, OUT_OF_SCOPE) for text, _ in outside]
    kept = sorted({intent for _, intent in train} - {OUT_OF_SCOPE})
    if drawn.intents is None:
        kept += [OUT_OF_SCOPE] * any(intent == OUT_OF_SCOPE for _, intent in train)
    else:
        kept = sorted(random.Random(name).sample(kept, drawn.intents))
    by_intent: dict[str, list[Pair]] = defaultdict(list)
    for pair in dict.fromkeys(train):
        by_intent[pair[1]].append(pair)
    chosen = [
        pair
        for intent in kept
        for pair in random.Random(f"{name}/{intent}").sample(
            by_intent[intent], min(len(by_intent[intent]), drawn.each or len(by_intent[intent]))
        )
    ]
    return Task(name=name, train=chosen, test=[pair for pair in test if pair[1] in set(kept)])


def own(folder: Path) -> Task:
    """Return a folder's task: a fifth of each intent's examples is the test."""
    singles = {}
    for dialogue in open_dialogues(folder)[1]:
        for turn in dialogue.turns[:1]:
            if turn.intent is not None and turn.user.strip():
                single = Dialogue(dialogue_id="", corpus="own", split="train", turns=(turn,))
                singles.setdefault(words_digest(single), single)
    aside = held_out_by_intent(singles.values(), _HELD_OUT)
    train = _pairs(one for digest, one in singles.items() if digest not in aside)
    test = _pairs(one for digest, one in singles.items() if digest in aside)
    return Task(name=label(folder.resolve().name), train=train, test=test)


def _pairs(dialogues: Any) -> list[Pair]:
    return [(turn.user, turn.intent) for one in dialogues for turn in one.turns if turn.intent]


def tf_idf(task: Task) -> list[str]:
    """Predict with n-grams of words and letters."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    grams = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )
    train = grams.fit_transform([text for text, _ in task.train])
    return _regressed(train, grams.transform([text for text, _ in task.test]), task)


def frozen_minilm(task: Task) -> list[str]:
    """Predict with MiniLM's own sentence vectors."""
    train, test = (_vectors([text for text, _ in pairs]) for pairs in (task.train, task.test))
    return _regressed(train, test, task)


def _regressed(train: Any, test: Any, task: Task) -> list[str]:
    from sklearn.linear_model import LogisticRegression

    model: Any = LogisticRegression(C=_STRENGTH, max_iter=_ITERATIONS)
    return list(model.fit(train, [intent for _, intent in task.train]).predict(test))


def _vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    from transformers import BertModel, BertTokenizerFast

    tokenizer = BertTokenizerFast.from_pretrained(minilm_folder())
    bert: Any = BertModel.from_pretrained(minilm_folder()).eval()
    found: list[NDArray[np.float32]] = [np.zeros(0, dtype=np.float32)] * len(texts)
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    for start in range(0, len(order), _BATCH):
        places = order[start : start + _BATCH]
        batch = tokenizer(
            [texts[place] for place in places],
            padding=True,
            truncation=True,
            max_length=_LONGEST,
            return_tensors="pt",
        )
        with torch.inference_mode():
            states = bert(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None]
        means = (states * mask).sum(1) / mask.sum(1)
        for place, mean in zip(places, torch.nn.functional.normalize(means), strict=True):
            found[place] = mean.numpy()
    return np.stack(found)


@dataclass(frozen=True, kw_only=True)
class Ours:
    """`tod train FOLDER` and the pipeline that serves.

    Attributes:
        runs: where runs are kept.
        overrides: of the configuration.
        threads: of training.
    """

    runs: Path
    overrides: tuple[str, ...]
    threads: int | None
    checksums: dict[str, str]

    def __call__(self, task: Task) -> list[str | None]:
        """Train on a task and predict its test."""
        folder = self.runs / "corpora" / label(task.name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        intents = tuple(sorted({intent for _, intent in task.train}))
        Schema(services=(Service(name="own", intents=intents),)).save(folder / "schema.json")
        write_lines(
            (
                Dialogue(
                    dialogue_id=str(number),
                    corpus=task.name,
                    split="train",
                    turns=(Turn(user=text, intent=intent),),
                )
                for number, (text, intent) in enumerate(task.train)
            ),
            folder / "train.jsonl",
        )
        shutil.rmtree(self.runs / label(task.name), ignore_errors=True)
        checkpoint = run_training(
            str(folder), overrides=self.overrides, runs=self.runs, threads=self.threads
        )
        pipeline = AnswererSource(checkpoint=checkpoint).open()
        try:
            self.checksums[task.name] = pipeline.checkpoint.checksum
            predicted = predict_intents(pipeline, [text for text, _ in task.test])
        finally:
            pipeline.close()
        return [one.name for one in predicted]


def scored(task: Task, predicted: Sequence[str | None]) -> dict[str, float | None]:
    """Return accuracy, and inside and outside where the test has what lies outside."""
    schema = Schema(services=(Service(name="own", intents=tuple({i for _, i in task.train})),))
    names = [None if one is None else spelled([one], schema)[0] for one in predicted]
    rows = [
        LabelledIntent(expected=expected, predicted=PredictedIntent(name=name))
        for expected, name in zip(
            spelled([intent for _, intent in task.test], schema), names, strict=True
        )
    ]
    figures: dict[str, float | None] = {"accuracy": intent_figures(rows)["accuracy"]}
    if any(intent == OUT_OF_SCOPE for _, intent in task.test):
        figures |= scope_figures(rows, OUT_OF_SCOPE)
    return figures


def main() -> None:
    """Run the sets that are asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", help="published sets or folders; all sets when none")
    parser.add_argument("--corpora", type=Path, metavar="DIR", help="where corpora are (TOD_DATA)")
    parser.add_argument("--runs", type=Path, default=Path("runs/own-data"))
    parser.add_argument("--json", type=Path, metavar="OUT")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    ours = Ours(
        runs=arguments.runs,
        overrides=tuple(arguments.overrides),
        threads=arguments.threads,
        checksums={},
    )
    learners: dict[str, Callable[[Task], Sequence[str | None]]] = {
        "tf-idf": tf_idf,
        "minilm": frozen_minilm,
        "ours": ours,
    }
    machine = f"{processor()}, {usable_cores()} cores, {torch.get_num_threads()} threads"
    rows = []
    for name in arguments.sets or [*PUBLISHED, str(_FIXTURE)]:
        task = published(name, arguments.corpora) if name in PUBLISHED else own(Path(name))
        for learner, learn in learners.items():
            begun = time.perf_counter()
            predicted = learn(task)
            seconds = time.perf_counter() - begun
            signature = Signature(
                corpus=task.name,
                split="test" if name in PUBLISHED else "held-out-fifth",
                subset=f"{len(task.train)}-to-learn,{len(task.test)}-to-score",
                checkpoint=ours.checksums.get(task.name, "-") if learn is ours else learner,
                code=code_version(),
                protocol=PROTOCOL,
            )
            row = {"learner": learner, **scored(task, predicted), "seconds": round(seconds, 1)}
            rows.append(row | {"signature": str(signature)})
            print(_line(row), signature, sep="  ", flush=True)
            if arguments.json:
                content = {"machine": machine, "rows": rows}
                arguments.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(machine)


def _line(row: dict[str, Any]) -> str:
    figures = [
        f"{name} {value:.4f}"
        for name, value in row.items()
        if isinstance(value, float) and name != "seconds"
    ]
    return f"{row['learner']:<7} {'  '.join(figures)}  {row['seconds']:.0f} s"


if __name__ == "__main__":
    main()
