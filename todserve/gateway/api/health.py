"""Health check: tells whether the database takes a write and the model answers right now.

The gateway's routes of readiness call it.
Example: ``HealthCheck(database, models).look().status`` is ``"ready"``.
"""

import threading
import time

from todserve.gateway.api.response_bodies import Readiness
from todserve.gateway.conversations.model_clients import Models
from todserve.gateway.store.database import Database

_SECONDS = 1.0


class HealthCheck:
    """Checks both at most once a second, however many ask, since nobody needs a token to ask."""

    def __init__(self, database: Database, models: Models) -> None:
        self._database = database
        self._models = models
        self._lock = threading.Lock()
        self._seen: tuple[float, Readiness] | None = None

    def look(self) -> Readiness:
        """Return what was found within the last second; whoever comes meanwhile waits for it."""
        with self._lock:
            if self._seen is None or time.monotonic() - self._seen[0] >= _SECONDS:
                parts = {"store": self._database.writable(), "model": self._models.ready()}
                status = "ready" if all(parts.values()) else "not_ready"
                self._seen = time.monotonic(), Readiness(status=status, **parts)
            return self._seen[1]
