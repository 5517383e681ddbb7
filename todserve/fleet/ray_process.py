"""Run: Ray Serve on this machine, with the file that a cluster is given.

``tod serve ray`` calls it. Ray is started for this process alone, on loopback and without its
dashboard. The file is Ray's own; only where to listen is said here. SIGHUP reads it again and
replaces the replicas, the new before the old. ``ray_environment`` comes before this is imported.
Example: ``tod serve ray deploy/ray/serve.yaml``.
"""

import logging
import signal
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import ray
from pydantic import BaseModel, ValidationError
from ray import serve
from ray.serve.schema import DeploymentSchema, ServeApplicationSchema, ServeDeploySchema

from todserve.fleet.ray_application import RaySettings, TurnDeployment, build
from todserve.runtime.errors import ConfigError, ServerError, first_problem
from todserve.runtime.torchserve_files import given_or_shipped
from todserve.runtime.untrusted.yaml_mapping import load_mapping
from todserve.runtime.wire.key_checks import nearest
from todserve.serving.server.config_properties import Address
from todserve.serving.server.ports import holder, is_free
from todserve.serving.terminal.painted_lines import complain, say

_IMPORTED = f"{build.__module__}:{build.__name__}"
_STORE_BYTES = 80 << 20  # the least that Ray takes; nothing of ours lies in its object store


def run_ray(
    config: Path, *, host: str, port: int, archive: Path | None, guarded: bool = True
) -> None:
    """Serve until interrupted.

    Args:
        config: Ray Serve's own configuration file.
        host: listened on, whatever the file says.
        port: listened on, whatever the file says.
        archive: in place of the file's.
        guarded: whether pages of other machines are refused, see ``PageGuard``.

    Raises:
        ConfigError: the file does not describe one application of ours.
        ServerError: the port is taken, or no replica could be started.
    """
    config = given_or_shipped(config)
    address = Address(setting="--port", host=host, port=port)
    if not is_free(address):
        raise ServerError(f"{host}:{port} is already in use{holder(port)}; give another --port")
    wanted = _application(config, archive)
    ray.init(
        address="local",
        include_dashboard=False,
        object_store_memory=_STORE_BYTES,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    try:
        serve.start(http_options={"host": host, "port": port})
        _deploy(wanted, guarded=guarded)
        say(f"{wanted.name} by Ray Serve: http://{host}:{port}")
        for _ in _asked_to_replace():
            try:
                _deploy(_application(config, archive), guarded=guarded)
                say("replaced")
            except (ConfigError, ServerError) as error:
                complain(f"tod: {error}; what ran before goes on")
    finally:
        # What was accepted is answered. Ray tells of its controller's end as of a fault.
        with redirect_stderr(StringIO()), redirect_stdout(StringIO()):
            serve.shutdown()  # type: ignore[no-untyped-call]
            ray.shutdown()


def _asked_to_replace() -> Iterator[None]:
    """Yield at every SIGHUP, until SIGINT or SIGTERM."""
    # Handlers and no mask: a mask would go over to Ray's processes, which end by SIGTERM.
    came: SimpleQueue[int] = SimpleQueue()
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, lambda number, _: came.put(number))
    while (number := came.get()) == signal.SIGHUP:
        yield
    if number == signal.SIGINT:
        raise KeyboardInterrupt


class _Wanted:
    """What a configuration file asks for."""

    def __init__(
        self, *, name: str, prefix: str, settings: RaySettings, options: Mapping[str, Any]
    ) -> None:
        self.name = name
        self.prefix = prefix
        self.settings = settings
        self.options = options


def _deploy(wanted: _Wanted, *, guarded: bool) -> None:
    deployment = TurnDeployment.options(**wanted.options)
    archive, release = wanted.settings.archive, wanted.settings.release
    try:
        serve.run(
            deployment.bind(str(archive.absolute()), release, guarded=guarded),
            name=wanted.name,
            route_prefix=wanted.prefix,
        )
    except RuntimeError as error:
        raise ServerError(f"Ray Serve cannot start the application: {error}") from error


def _check_keys(config: Path, written: Mapping[str, Any]) -> None:
    """Refuse a key that Ray would pass over, for it is mistyped."""
    (application,) = written["applications"]
    deployments = application.get("deployments", [])
    told: list[tuple[Mapping[str, Any], type[BaseModel]]] = [
        (written, ServeDeploySchema),
        (application, ServeApplicationSchema),
        *((one, DeploymentSchema) for one in deployments),
    ]
    for given, schema in told:
        for key in given.keys() - schema.model_fields.keys():
            known = nearest(str(key), tuple(schema.model_fields))
            raise ConfigError(f"{config}: unknown key {key!r}{known}; Ray would pass over it")


def _application(config: Path, archive: Path | None) -> _Wanted:
    written = load_mapping(config)
    try:
        found = ServeDeploySchema.model_validate(written)
    except ValidationError as error:
        raise ConfigError(f"{config}: {first_problem(error)}") from None
    ours = [one for one in found.applications if one.import_path == _IMPORTED]
    if len(ours) != 1 or len(found.applications) != 1:
        raise ConfigError(
            f"{config}: got {len(ours)} applications of {_IMPORTED} among "
            f"{len(found.applications)}; expected that one alone"
        )
    (one,) = ours
    _check_keys(config, written)
    given = dict(one.args) | ({} if archive is None else {"archive": archive})
    try:
        settings = RaySettings(**given)
    except ValidationError as error:
        raise ConfigError(f"{config}: args: {first_problem(error)}") from None
    options: dict[str, Any] = {}
    for deployment in one.deployments:
        options |= deployment.model_dump(exclude_unset=True)
    if options.pop("name", TurnDeployment.name) != TurnDeployment.name:
        raise ConfigError(f"{config}: expected one deployment, {TurnDeployment.name}")
    return _Wanted(
        name=one.name, prefix=one.route_prefix or "/", settings=settings, options=options
    )
