"""Ray Serve's application: replicas that each hold a worker, and grow in number with the queue.

Ray's proxy hands requests to it, and it hands them to the worker. Ray imports ``build`` by its
name, from the same file on a laptop and on a cluster (deploy/ray/serve.yaml); the file says how
many replicas there may be, how long their queues and how they are replaced. What a replica has at
once it answers together.
Example: ``import_path: todserve.fleet.ray_application:build``.
"""

import asyncio
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from ray import serve
from starlette.applications import Starlette
from starlette.middleware import Middleware

from todserve.fleet.endpoint_routes import EndpointRoutes
from todserve.fleet.opened_archive import open_archive
from todserve.fleet.page_guard import PageGuard
from todserve.runtime.worker.turn_worker import AskedBody, BodyReply


class RaySettings(BaseModel):
    """``args`` of the application; unknown keys are rejected.

    Attributes:
        archive: of ``tod archive``; a relative path is meant from where Ray was started, so a
            cluster wants an absolute one that every node has.
        release: any text; another one replaces the replicas, for instance after the archive has
            been written anew under its old name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    archive: Path
    release: str = ""


class TurnReplica:
    """One replica: a worker, and TorchServe's paths in front of it."""

    def __init__(self, archive: str, release: str, *, guarded: bool = False) -> None:
        """Open the archive; its batch size and delay are the replica's."""
        del release  # another one is another replica
        self._opened = open_archive(Path(archive))
        self._guarded = guarded
        # What the decorator has added to the method is on no type.
        gathered: Any = self._answer
        gathered.set_max_batch_size(self._opened.config.batch_size)
        gathered.set_batch_wait_timeout_s(self._opened.config.max_batch_delay / 1000)

    def __serve_build_asgi_app__(self) -> Starlette:
        """Return what answers HTTP in this replica; Ray asks for it under this name."""
        routes = EndpointRoutes(
            name=self._opened.name,
            version=self._opened.version,
            ask=self._answer,
            names_requests=False,
        )
        return Starlette(
            routes=[*routes.turns(), *routes.about()],
            middleware=[Middleware(PageGuard)] if self._guarded else [],
        )

    @serve.batch()
    async def _answer(self, bodies: list[AskedBody]) -> list[BodyReply]:
        return await asyncio.to_thread(self._opened.worker.answer, bodies)


# By calls and not as decorators, for these say nothing of what they return.
TurnDeployment: serve.Deployment = serve.deployment(name="TurnDeployment")(
    serve.ingress()(TurnReplica)
)


def build(args: RaySettings) -> serve.Application:
    """Return the application; Ray calls it with the ``args`` of its configuration file."""
    return TurnDeployment.bind(str(args.archive.absolute()), args.release)
