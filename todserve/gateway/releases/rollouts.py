"""Rollouts: which version a dialogue is held with while one is tried.

The gateway asks it before the model is asked, while a version is on trial. Example: with a canary
of 10% on version 2.0, ``rollouts.falls_to("tod", dialogue_id)`` is ``"2.0"`` for one id of ten.

The share stands in a file of `tod release`, which is read again whenever it was changed; what a new
dialogue falls to stands in its row. So it stays where it began, whichever gateway answers it, and
goes over with all others once the trial has ended.
"""

import logging
import threading
from pathlib import Path

from todserve.gateway.store.records import DialogueRecord
from todserve.runtime.errors import ServerError
from todserve.serving.releases.rollout_file import Rollout, RolloutFile

_log = logging.getLogger(__name__)


class Rollouts:
    """What is tried of one model right now; for any number of threads.

    Args:
        folder: of the logs of the model's server; None where nothing is tried.
        model: the gateway's, which may name one version; then no other is tried.
    """

    def __init__(self, folder: Path | None, model: str) -> None:
        self.model = model
        self._file = None if folder is None or "/" in model else RolloutFile(folder)
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] = ()
        self._now = Rollout()

    def now(self) -> Rollout:
        """Return what is tried; what was read last, where the file cannot be read."""
        if self._file is None:
            return self._now
        try:
            found = self._file.path.stat()
            seen: tuple[int, ...] = (found.st_ino, found.st_mtime_ns, found.st_size)
        except OSError:
            seen = ()
        with self._lock:
            if seen != self._seen:
                self._seen = seen
                try:
                    self._now = self._file.read(self.model)
                except ServerError as error:
                    _log.error("%s", error)
            return self._now

    def falls_to(self, model: str, dialogue_id: str) -> str | None:
        """Return the version that a new dialogue is held with; None for the one that answers."""
        canary = self.now().canary
        if model != self.model or canary is None or not canary.takes(dialogue_id):
            return None
        return canary.version

    def held_with(self, dialogue: DialogueRecord) -> str:
        """Return whom to ask for a dialogue's next answer, as ``tod`` or ``tod/2.0``."""
        canary = self.now().canary
        if canary is None or dialogue.version != canary.version:
            return dialogue.model
        return f"{dialogue.model}/{canary.version}"

    def place_of(self, model: str) -> tuple[str, str | None]:
        """Return whom to ask for a model's answers, and at which address if not the model's own.

        Of the gateway's model without a version that is the one that answers.
        """
        now = self.now()
        name, _, version = model.partition("/")
        wanted = version or now.answers
        if name != self.model or wanted not in now.places:
            return model, None
        return f"{name}/{wanted}", now.places[wanted]

    def shadow_of(self, dialogue: DialogueRecord, message_id: str) -> str | None:
        """Return the version that is asked a message again; None for most messages."""
        shadow = self.now().shadow
        if dialogue.model != self.model or shadow is None:
            return None
        return shadow.version if shadow.takes(f"{dialogue.dialogue_id} {message_id}") else None
