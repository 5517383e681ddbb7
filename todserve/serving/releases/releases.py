"""Releases: which versions of a model a server has, and which one answers.

Beside the way of a request, through TorchServe's management API: ``tod start --name tod
tod=tod-2.0`` has loaded both, and one of them is the default version. Example:
``Releases(Path("logs"), "tod").promote("2.0", reason="new menu", approved=None)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import requests

from todserve.runtime.errors import ConfigError, ServerError
from todserve.serving.releases.release_log import Action, Release, ReleaseLog
from todserve.serving.releases.rollout_file import Rollout, RolloutFile, Trial
from todserve.serving.server.readiness import Probe, workers_of
from todserve.serving.server.server_record import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A version that is loaded.

    Attributes:
        version: its number, as its archive says.
        answers: whether requests that name no version go to it.
        ready: workers that can answer.
        workers: all of them.
    """

    version: str
    answers: bool
    ready: int
    workers: int


class Releases:
    """The versions of one model of the server whose record lies in a folder of logs.

    Args:
        log_dir: that folder.
        model: the model's name.
        user: who does what is done, for the log; the account of this machine where it is None.

    Raises:
        ServerError: no server runs there.
    """

    def __init__(self, log_dir: Path, model: str, *, user: str | None = None) -> None:
        record = Record.load(log_dir)
        if record is None or not record.running:
            raise ServerError(
                f"{log_dir}: no server runs; expected one that `tod start` started; start it, or "
                "name its folder with --logs"
            )
        self.model = model
        self.log = ReleaseLog(log_dir)
        self.rollouts = RolloutFile(log_dir)
        self._user = {} if user is None else {"user": user}
        self.inference_url = record.inference_url
        keys = Path(record.temp_dir) / "key_file.json"
        self.key_file = keys if keys.is_file() else None
        self._probe = Probe(
            name=model,
            inference_url=record.inference_url,
            management_url=record.management_url,
            key_file=self.key_file,
        )

    def versions(self) -> tuple[Version, ...]:
        """Return what is loaded.

        Raises:
            ServerError: the server has no such model.
        """
        found = self._probe.described("/all")
        default = self._probe.described()
        if not found or not default:
            raise ServerError(
                f"the server has no model {self.model!r}; expected one that `tod status` lists; "
                "name it with --name"
            )
        answering = str(default[0].get("modelVersion"))
        return tuple(
            Version(
                version=str(one.get("modelVersion")),
                answers=str(one.get("modelVersion")) == answering,
                ready=sum(worker.ready for worker in workers_of(one.get("workers", ()))),
                workers=len(one.get("workers", ())),
            )
            for one in found
        )

    def answering(self) -> str:
        """Return the version that answers; errors as of ``versions``."""
        return next(one.version for one in self.versions() if one.answers)

    def promote(
        self,
        version: str,
        *,
        reason: str,
        approved: Callable[[], bool] | None,
        replay: str | None = None,
    ) -> Release:
        """Make a version the one that answers, unless ``approved`` speaks against it.

        Canary and shadow end with that.

        Args:
            version: one that is loaded.
            reason: for the log.
            approved: asked before; None where nothing is to be asked.
            replay: what it asks, for the log.

        Returns:
            What the log says of it, ``refused`` where nothing was changed.

        Raises:
            ConfigError: it is not loaded, cannot answer, or answers already.
            ServerError: the server did not do it.
        """
        self._check(version)
        agreed = approved is None or approved()
        # Whatever was done meanwhile is known by now.
        with self.log.alone():
            before = self._check(version)
            release = Release(
                action=Action.PROMOTE if agreed else Action.REFUSED,
                model=self.model,
                before=before,
                to=version,
                reason=reason,
                replay=replay,
                **self._user,
            )
            if agreed:
                self._change(release)
                self._try(Rollout())
            else:
                self.log.add(release)
        return release

    def canary(self, version: str, *, share: float, reason: str) -> Release:
        """Let a version answer a share of the new dialogues; another share of it replaces it.

        Raises:
            ConfigError: it is not loaded, cannot answer, or answers everybody already.
            ServerError: that could not be written down.
        """
        return self._trial(Action.CANARY, version, share, reason)

    def shadow(self, version: str, *, share: float, reason: str) -> Release:
        """Ask a version a share of the turns again, which nobody sees; errors as of ``canary``."""
        return self._trial(Action.SHADOW, version, share, reason)

    def unshadow(self, *, reason: str) -> Release:
        """End the shadow.

        Raises:
            ConfigError: there is none.
            ServerError: that could not be written down.
        """
        with self.log.alone():
            rollout = self.rollouts.read(self.model)
            if rollout.shadow is None:
                raise ConfigError(f"{self.model}: there is no shadow; nothing was changed")
            return self._withdraw(
                rollout.shadow, rollout.model_copy(update={"shadow": None}), reason
            )

    def roll_back(self, *, reason: str) -> Release:
        """End the canary, or else let the version answer that did before the last promotion.

        Raises:
            ConfigError: there is no canary, and the log knows no promotion, or its version is not
                loaded or cannot answer.
            ServerError: the server did not do it.
        """
        with self.log.alone():
            rollout = self.rollouts.read(self.model)
            if rollout.canary is not None:
                left = rollout.model_copy(update={"canary": None})
                return self._withdraw(rollout.canary, left, reason)
            now = self.answering()
            before = self.log.before(self.model, now)
            if before is None:
                raise ConfigError(
                    f"{self.log.path}: no canary and no promotion of {self.model} {now} to take "
                    "back; expected one; name the version that is to answer: tod release promote "
                    "VERSION"
                )
            self._check(before)
            release = Release(
                action=Action.ROLL_BACK,
                model=self.model,
                before=now,
                to=before,
                reason=reason,
                **self._user,
            )
            self._change(release)
        return release

    def _trial(self, action: Action, version: str, share: float, reason: str) -> Release:
        with self.log.alone():
            release = Release(
                action=action,
                model=self.model,
                before=self._check(version),
                to=version,
                reason=reason,
                share=share,
                **self._user,
            )
            rollout = self.rollouts.read(self.model)
            # Of the same version the figures go on from where it began.
            earlier: Trial | None = getattr(rollout, action.value)
            since = {"since": earlier.since} if earlier and earlier.version == version else {}
            trial = Trial(version=version, share=share, **since)
            self._record(release, rollout.model_copy(update={action.value: trial}))
        return release

    def _withdraw(self, trial: Trial, left: Rollout, reason: str) -> Release:
        release = Release(
            action=Action.WITHDRAWN,
            model=self.model,
            before=trial.version,
            to=self.answering(),
            reason=reason,
            share=trial.share,
            **self._user,
        )
        self._record(release, left)
        return release

    def _record(self, release: Release, rollout: Rollout) -> None:
        """Write a line, and only then try something else: nothing changes that nobody reads of."""
        try:
            self.log.add(release)
        except OSError as error:
            raise ServerError(
                f"{self.log.path}: cannot be written: {error.strerror}; nothing was changed"
            ) from None
        self._try(rollout)

    def _try(self, rollout: Rollout) -> None:
        try:
            self.rollouts.write(self.model, rollout)
        except OSError as error:
            raise ServerError(
                f"{self.rollouts.path}: cannot be written: {error.strerror}; what was tried goes on"
            ) from None

    def _check(self, version: str) -> str:
        """Return the version that answers now, where ``version`` can in its place."""
        known = {one.version: one for one in self.versions()}
        if version not in known:
            raise ConfigError(
                f"{self.model} {version}: not loaded; expected one of {', '.join(known)}; "
                "load it with `tod start --name MODEL MODEL=ARCHIVE`"
            )
        wanted = known[version]
        if wanted.answers:
            raise ConfigError(f"{self.model} {version} answers already; nothing was changed")
        if not wanted.ready:
            raise ConfigError(
                f"{self.model} {version}: none of its {wanted.workers} workers is ready; expected "
                "one; the server's logs say why"
            )
        return next(one.version for one in known.values() if one.answers)

    def _change(self, release: Release) -> None:
        self._set(release.to)
        try:
            self.log.add(release)
        except OSError as error:
            # Nothing changes that nobody could read of.
            self._set(release.before)
            raise ServerError(
                f"{self.log.path}: cannot be written: {error.strerror}; {release.before} answers "
                "as before"
            ) from None

    def _set(self, version: str) -> None:
        try:
            answer = self._probe.set_default(quote(version, safe=""))
        except (requests.RequestException, ValueError, LookupError) as error:
            raise ServerError(
                f"the management port did not answer ({type(error).__name__}); `tod release list` "
                "says which version answers"
            ) from None
        if answer.status_code != HTTPStatus.OK or self.answering() != version:
            raise ServerError(
                f"{self.model} {version}: the server did not make it the one that answers (HTTP "
                f"{answer.status_code}); its logs say why"
            )


def stand_again(log_dir: Path, probe: Probe) -> str | None:
    """Let the version that was last promoted answer after a start; return it, None for none.

    A version that is not loaded any more is passed over: the first that was named answers.
    """
    version = ReleaseLog(log_dir).standing(probe.name)
    loaded = {str(one.get("modelVersion")) for one in probe.described("/all")}
    if version is None or version not in loaded:
        return None
    answer = probe.set_default(quote(version, safe=""))
    return version if answer.status_code == HTTPStatus.OK else None
