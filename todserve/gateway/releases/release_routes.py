"""The API's releases: which version answers whom, how each does, and another one in its place.

`gateway_app` adds these routes to the API. Example: ``PUT /v1/releases/canary`` with
``{"version": "2.0", "share": 0.1, "reason": "new menu"}``.

What is done here is what ``tod release`` does, on the same files and in the same log; it needs the
folder of the server's logs, and so a server of this machine.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from todserve.gateway.api.dialogue_routes import REFUSALS
from todserve.gateway.api.pagination import PAGE
from todserve.gateway.api.roles import Role, allowed, caller_of
from todserve.gateway.conversations.model_clients import Models
from todserve.gateway.gateway_errors import ReleaseError
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.releases.release_bodies import (
    Promote,
    Released,
    ReleasesView,
    RollBack,
    ShadowedTurns,
    Tried,
)
from todserve.gateway.releases.release_gate import Held, hold_against
from todserve.gateway.releases.rollouts import Rollouts
from todserve.gateway.store.database import Database
from todserve.gateway.store.dialogue_store import Store
from todserve.gateway.store.records import moment
from todserve.gateway.store.shadow_answers import ShadowAnswers
from todserve.gateway.store.version_figures import version_figures
from todserve.runtime.errors import ConfigError, ServerError
from todserve.serving.releases.model_home import Version
from todserve.serving.releases.release_log import Release, ReleaseLog
from todserve.serving.releases.releases import Releases
from todserve.serving.releases.rollout_file import Trial

_MOST_LINES = 50
_UNMANAGED = (
    "this gateway knows no folder of its server's logs, so versions are changed with `tod release` "
    "where the server runs; or start the gateway with --logs DIR"
)


def release_routes(
    settings: GatewaySettings,
    store: Store,
    models: Models,
    rollouts: Rollouts,
    database: Database,
) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(
        prefix="/v1/releases",
        tags=["releases"],
        responses=REFUSALS,
        dependencies=[Depends(allowed)],
    )
    answers = ShadowAnswers(database)
    name, _, pinned = settings.model_name.partition("/")

    def managed(request: Request) -> Releases:
        if settings.releases is None or pinned:
            raise ReleaseError(_UNMANAGED)
        who = caller_of(request).name
        return Releases(settings.releases, name, url=settings.model_url, user=who)

    def done(action: Callable[[], Release]) -> dict[str, Any]:
        try:
            return {"release": _line(action())}
        except (ConfigError, ServerError) as error:
            raise ReleaseError(str(error)) from None

    @routes.get("", response_model=ReleasesView)
    def overview(request: Request) -> dict[str, Any]:
        """Tell the versions, which one answers, what is tried, how each does and what was done."""
        versions: tuple[Version, ...] = ()
        unmanaged: str | None = None
        log: list[Release] = []
        try:
            releases = managed(request)
            versions = releases.versions()
        except (ReleaseError, ServerError) as error:
            unmanaged = str(error)
        if settings.releases is not None:
            log = ReleaseLog(settings.releases).read(name)[: -_MOST_LINES - 1 : -1]
        now = rollouts.now()
        since = min((one.since for one in (now.canary, now.shadow) if one is not None), default=0)
        shadow = now.shadow
        return {
            "model": settings.model_name,
            "unmanaged": unmanaged,
            "may_change": caller_of(request).role >= Role.ADMIN,
            "versions": [*map(asdict, versions)],
            "canary": _trial(now.canary),
            "shadow": _trial(shadow),
            "since": moment(since) if since else None,
            "figures": version_figures(database, since=since),
            "shadowed": shadow and answers.figures(shadow.version, since=shadow.since),
            "log": [*map(_line, log)],
        }

    @routes.get("/differences", response_model=ShadowedTurns)
    def differing(limit: Annotated[int, Query(ge=1, le=PAGE)] = 20) -> dict[str, Any]:
        """List the newest turns that the shadow answered otherwise, and how."""
        shadow = rollouts.now().shadow
        if shadow is None:
            return {"turns": []}
        return {"turns": answers.different(shadow.version, since=shadow.since, limit=limit)}

    @routes.put("/canary", response_model=Released)
    def canary(body: Tried, request: Request) -> dict[str, Any]:
        """Let a version answer a share of the new dialogues, each of which stays with it."""
        releases = managed(request)
        return done(lambda: releases.canary(body.version, share=body.share, reason=body.reason))

    @routes.put("/shadow", response_model=Released)
    def shadowed(body: Tried, request: Request) -> dict[str, Any]:
        """Ask a version a share of the turns again, after they were answered; nobody sees it."""
        releases = managed(request)
        return done(lambda: releases.shadow(body.version, share=body.share, reason=body.reason))

    @routes.delete("/shadow", response_model=Released)
    def unshadowed(request: Request) -> dict[str, Any]:
        """End the shadow."""
        releases = managed(request)
        return done(lambda: releases.unshadow(reason=""))

    @routes.post("/promotion", response_model=Released)
    def promote(body: Promote, request: Request) -> dict[str, Any]:
        """Let a version answer everybody, if it answers as people said it should.

        It is asked the turns that were corrected or found right, at most 200 of the newest
        dialogues. Where one differs, nothing changes, and the answer names it.
        """
        releases = managed(request)
        held: list[Held] = []

        def holds() -> bool:
            found = hold_against(
                store,
                models,
                f"{name}/{body.version}",
                newest=settings.history_turns,
                request_id=request.state.request_id,
            )
            if not found.asked:
                raise ReleaseError(
                    "nothing was corrected or found right yet, so there is nothing to ask it "
                    "before; label some turns, or promote it untried"
                )
            held.append(found)
            return not found.differing

        told = done(
            lambda: releases.promote(
                body.version,
                reason=body.reason,
                approved=None if body.untried else holds,
                replay=None if body.untried else "what people corrected or found right",
            )
        )
        for found in held:
            told["asked"] = found.asked
            told["differing"] = [
                {"dialogue_id": dialogue_id, "index": index}
                for dialogue_id, index in found.differing
            ]
        return told

    @routes.post("/rollback", response_model=Released)
    def roll_back(body: RollBack, request: Request) -> dict[str, Any]:
        """End the canary; where there is none, let the version answer that did before."""
        releases = managed(request)
        return done(lambda: releases.roll_back(reason=body.reason))

    return routes


def _trial(trial: Trial | None) -> dict[str, Any] | None:
    if trial is None:
        return None
    return {"version": trial.version, "share": trial.share, "since": moment(trial.since)}


def _line(release: Release) -> dict[str, Any]:
    return release.model_dump(mode="json", exclude={"model"})
