"""CTranslate2's logits: what the exported model predicts along tokens that are given.

The fidelity measurement compares them with PyTorch's, to tell how true the export is. Example:
``CTranslate2Logits(folder).logits((5, 17, 3), (9,), (4, 4)).shape == (3, vocabulary)``.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from todserve.runtime.engines.ctranslate2.ctranslate2_engine import (
    FOLDER,
    VOCABULARY_FILE,
    open_translator,
)
from todserve.runtime.engines.engine import Logits
from todserve.runtime.untrusted.json_text import read_json


class CTranslate2Logits:
    """The exported CTranslate2 model, forced along the tokens by its ``target_prefix``."""

    def __init__(self, folder: Path) -> None:
        """Load the model of an export folder.

        Raises:
            ConfigError: it is missing or cannot be loaded.
        """
        self._translator = open_translator(folder, replicas=1, threads=1)
        self._names: list[str] = read_json(folder / FOLDER / VOCABULARY_FILE)

    def logits(self, context: Sequence[int], prefix: Sequence[int], ids: Sequence[int]) -> Logits:
        """Let it generate one token after all that is given; it tells every step's logits."""
        given = [self._names[token] for token in (*prefix, *ids)]
        (result,) = self._translator.translate_batch(
            [[self._names[token] for token in context]],
            target_prefix=[given],
            beam_size=1,
            min_decoding_length=0,
            max_decoding_length=len(given),  # its first token does not count
            max_input_length=0,
            return_end_token=True,
            return_logits_vocab=True,
        )
        steps = [np.asarray(one) for one in result.logits[0]]
        return np.stack(steps[len(prefix) - 1 :])
