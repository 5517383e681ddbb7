"""Releases: which versions of a model there are, and which one answers.

``tod release`` and the gateway's release routes call it. It works through TorchServe's management
API (``tod start --name tod tod=tod-2.0`` has loaded both, and one of them is the default version),
or with a file that gateways follow, for versions that other servers serve. Example:
``Releases(Path("logs"), "tod").promote("2.0", reason="new menu", approved=None)``.
"""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from todserve.runtime.errors import ConfigError, ServerError
from todserve.serving.releases.model_home import Version, home_of, served_at
from todserve.serving.releases.release_log import Action, Release, ReleaseLog
from todserve.serving.releases.rollout_file import Rollout, RolloutFile, Trial
from todserve.serving.server.readiness import Probe


class Releases:
    """The versions of one model, of the server whose record lies in a folder of logs.

    Args:
        log_dir: that folder; the record of releases lies there too.
        model: the model's name.
        url: the server's address, where ``tod start`` did not start it.
        user: who does what is done, for the log; the account of this machine where it is None.
    """

    def __init__(
        self, log_dir: Path, model: str, *, url: str | None = None, user: str | None = None
    ) -> None:
        self.model = model
        self.log = ReleaseLog(log_dir)
        self.rollouts = RolloutFile(log_dir)
        self._user = {} if user is None else {"user": user}
        self._home = home_of(log_dir, model, url)

    def versions(self) -> tuple[Version, ...]:
        """Return what is served, at the server or at another address.

        Raises:
            ServerError: the server does not run or has no such model, and there is no other.
        """
        rollout = self.rollouts.read(self.model)
        try:
            own = self._home.versions()
        except ServerError:
            if not rollout.places:
                raise
            own = ()  # it may be at rest, since another one has taken over
        placed = tuple(self._placed(version, url) for version, url in rollout.places.items())
        if rollout.answers is None:
            return (*own, *placed)
        return tuple(
            replace(one, answers=one.version == rollout.answers) for one in (*own, *placed)
        )

    def answering(self) -> str:
        """Return the version that answers; errors as of ``versions``."""
        found = [one.version for one in self.versions() if one.answers]
        if not found:
            raise ServerError(f"no server of {self.model} answers; `tod release list` says which")
        return found[0]

    def address_of(self, version: str) -> tuple[str, Path | None]:
        """Return where a version answers turns, and TorchServe's keys where it asks for them."""
        place = self.rollouts.read(self.model).places.get(version)
        return (self._home.inference_url, self._home.key_file) if place is None else (place, None)

    def add(self, archive: str, *, reason: str) -> Release:
        """Load an archive beside what the server has loaded; errors as of ``ModelHome.load``."""
        with self.log.alone():
            answering = self.answering()
            return self._added(self._home.load(archive), answering, reason)

    def place(self, url: str, *, reason: str) -> Release:
        """Take in the version that another server serves; gateways ask it there.

        Raises:
            ConfigError: there is a version of this number already.
            ServerError: nothing answers there, or asks for a token.
        """
        with self.log.alone():
            version = served_at(url, self.model)
            known = self.versions()
            if version in {one.version for one in known}:
                raise ConfigError(
                    f"{url}: got {self.model} {version}, of which there is one already; expected "
                    "another version; pack it with `tod archive --version`"
                )
            rollout = self.rollouts.read(self.model)
            places = {**rollout.places, version: url}
            release = self._added(version, self.answering(), reason)
            self._try(rollout.model_copy(update={"places": places}))
        return release

    def remove(self, version: str, *, reason: str) -> Release:
        """Forget a version that another server serves; what is tried of it ends.

        Raises:
            ConfigError: there is none such, or it answers.
            ServerError: that could not be written down.
        """
        with self.log.alone():
            rollout = self.rollouts.read(self.model)
            if version not in rollout.places or rollout.answers == version:
                raise ConfigError(
                    f"{self.model} {version}: it answers, or is at no other address; expected a "
                    "version that was added with --at and does not answer"
                )
            left = {one: url for one, url in rollout.places.items() if one != version}
            tried = {
                name: None
                for name in ("canary", "shadow")
                if (trial := getattr(rollout, name)) is not None and trial.version == version
            }
            release = Release(
                action=Action.REMOVED,
                model=self.model,
                before=version,
                to=self.answering(),
                reason=reason,
                **self._user,
            )
            self._record(release, rollout.model_copy(update={"places": left, **tried}))
        return release

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
                now = self.rollouts.read(self.model)
                self._try(now.model_copy(update={"canary": None, "shadow": None}))
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
                "load it with `tod release add ARCHIVE`, or `tod start --name MODEL MODEL=ARCHIVE`"
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
        rollout = self.rollouts.read(self.model)
        elsewhere = version in rollout.places
        if not elsewhere:
            self._home.make_default(version)
        if elsewhere or rollout.answers is not None:
            answers = version if elsewhere else None
            self._try(rollout.model_copy(update={"answers": answers}))

    def _placed(self, version: str, url: str) -> Version:
        try:
            ready = int(served_at(url, self.model) == version)
        except ServerError:
            ready = 0
        return Version(version=version, answers=False, ready=ready, workers=1, place=url)

    def _added(self, version: str, answering: str, reason: str) -> Release:
        release = Release(
            action=Action.ADDED,
            model=self.model,
            before=answering,
            to=version,
            reason=reason,
            **self._user,
        )
        try:
            self.log.add(release)
        except OSError as error:
            raise ServerError(f"{self.log.path}: cannot be written: {error.strerror}") from None
        return release


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
