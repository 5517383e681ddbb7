"""The verbs about versions of a model: ``tod release list``, ``canary``, ``promote`` and more.

Example: ``tod release canary 2.0 --share 10% --reason "new menu"``.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from todserve.cli.options import DEFAULT_LOGS, DEFAULT_MODEL, Json, Limit, Logs, Name
from todserve.cli.verb_command import VerbCommand

if TYPE_CHECKING:
    from todserve.serving.releases.release_log import Release
    from todserve.serving.releases.releases import Releases

PANEL = "Serve"
Version = Annotated[str, typer.Argument(metavar="VERSION", help="one that is served")]
Elsewhere = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help="address of the server, where `tod start` did not start it"
    ),
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="why, for the log")]


def add_release_verbs(app: typer.Typer) -> None:
    """Add ``release``: the versions of a model, which one answers, who did what."""
    release = typer.Typer(
        help="Versions of a model: try one on some, promote, roll back, see who did."
    )
    release.command("list", cls=VerbCommand)(_list)
    release.command("add", cls=VerbCommand)(_add)
    release.command("remove", cls=VerbCommand)(_remove)
    release.command("canary", cls=VerbCommand)(_canary)
    release.command("shadow", cls=VerbCommand)(_shadow)
    release.command("promote", cls=VerbCommand)(_promote)
    release.command("rollback", cls=VerbCommand)(_roll_back)
    release.command("log", cls=VerbCommand)(_log)
    app.add_typer(release, name="release", rich_help_panel=PANEL)


def _list(
    name: Name = DEFAULT_MODEL,
    logs: Logs = DEFAULT_LOGS,
    url: Elsewhere = None,
    json: Json = None,
) -> None:
    """List the versions that are served, and which one answers."""
    from dataclasses import asdict

    from todserve.serving.releases.releases import Releases
    from todserve.serving.terminal.painted_lines import say_table, write_json

    releases = Releases(logs, name, url=url)
    versions = releases.versions()
    rollout = releases.rollouts.read(name)
    shares = {
        one.version: {
            trial: share.share
            for trial, share in (("canary", rollout.canary), ("shadow", rollout.shadow))
            if share is not None and share.version == one.version
        }
        for one in versions
    }
    if json is not None:
        none: dict[str, float | None] = {"canary": None, "shadow": None}
        write_json([asdict(one) | none | shares[one.version] for one in versions], json)
    if json is None or str(json) != "-":
        rows = [
            (
                one.version,
                "answers" if one.answers else "-",
                ", ".join(f"{trial} {share:.1%}" for trial, share in shares[one.version].items()),
                f"{one.ready} of {one.workers} ready" + (f" at {one.place}" if one.place else ""),
            )
            for one in versions
        ]
        say_table(("version", "requests", "tried", "workers"), rows)


def _add(
    archive: Annotated[
        str | None,
        typer.Argument(
            metavar="ARCHIVE", help="one of the server's store, e.g. tod-2.0", show_default=False
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="URL", help="instead: another server that serves it"),
    ] = None,
    reason: Reason = "",
    name: Name = DEFAULT_MODEL,
    logs: Logs = DEFAULT_LOGS,
    url: Elsewhere = None,
) -> int:
    """Load another version while the server runs, or take in one that another server serves."""
    from todserve.serving.releases.releases import Releases

    if (archive is None) is (at is None):
        raise typer.BadParameter("expected an archive, or --at URL; give one of them")
    releases = Releases(logs, name, url=url)
    if at is not None:
        return _say(releases.place(at.rstrip("/"), reason=reason))
    return _say(releases.add(str(archive), reason=reason))


def _remove(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="one that was added with --at")],
    reason: Reason = "",
    name: Name = DEFAULT_MODEL,
    logs: Logs = DEFAULT_LOGS,
    url: Elsewhere = None,
) -> int:
    """Forget a version that another server serves."""
    from todserve.serving.releases.releases import Releases

    return _say(Releases(logs, name, url=url).remove(version, reason=reason))


def _canary(
    version: Version,
    share: Annotated[
        str, typer.Option("--share", metavar="N%", help="of the new dialogues of a gateway")
    ] = "10%",
    reason: Reason = "",
    name: Name = DEFAULT_MODEL,
    logs: Logs = DEFAULT_LOGS,
    url: Elsewhere = None,
) -> int:
    """Let a version answer a share of a gateway's new dialogues, until promote or rollback."""
    from todserve.serving.releases.releases import Releases

    done = Releases(logs, name, url=url).canary(version, share=_share(share), reason=reason)
    return _say(done)


def _shadow(
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="one that is served", show_default=False)
    ] = None,
    share: Annotated[
        str, typer.Option("--share", metavar="N%", help="of the turns of a gateway")
    ] = "10%",
    off: Annotated[bool, typer.Option("--off", help="end it")] = False,
    reason: Reason = "",
    name: Name = DEFAULT_MODEL,
    logs: Logs = DEFAULT_LOGS,
    url: Elsewhere = None,
) -> int:
    """Ask a version a share of a gateway's turns again; nobody who talks sees its answers."""
    from todserve.serving.releases.releases import Releases

    if off is (version is not None):
        raise typer.BadParameter("expected a version, or --off; give one of them")
    releases = Releases(logs, name, url=url)
    if version is None:
        return _say(releases.unshadow(reason=reason))
    return _say(releases.shadow(version, share=_share(share), reason=reason))


def _promote(
    version: Version,
    replay: Annotated[
        Path | None,
        typer.Option(
            "--replay", metavar="DIALOGUES", help="what it must answer as remembered, asked first"
        ),
    ] = None,
    untried: Annotated[bool, typer.Option("--untried", help="ask it nothing before")] = False,
    only: Annotated[
        str, typer.Option("--only", metavar="ASPECTS", help="some of intent,state,acts,reply")
    ] = "state",
    limit: Limit = None,
    reason: Reason = "",
    name: Name = DEFAULT_MODEL,
    logs: Logs = DEFAULT_LOGS,
    url: Elsewhere = None,
) -> int:
    """Make a version the one that answers, if remembered dialogues hold; exit status 1 if not."""
    from todserve.serving.releases.releases import Releases

    if (replay is None) is not untried:
        raise typer.BadParameter(
            "expected dialogues to ask it first, or --untried; give one of them",
            param_hint="--replay",
        )
    releases = Releases(logs, name, url=url)
    done = releases.promote(
        version,
        reason=reason,
        approved=None if replay is None else lambda: _holds(releases, version, replay, only, limit),
        replay=None if replay is None else str(replay),
    )
    return _say(done)


def _roll_back(
    reason: Reason = "",
    name: Name = DEFAULT_MODEL,
    logs: Logs = DEFAULT_LOGS,
    url: Elsewhere = None,
) -> int:
    """End the canary, or else let the version answer again that did before the last promotion."""
    from todserve.serving.releases.releases import Releases

    return _say(Releases(logs, name, url=url).roll_back(reason=reason))


def _log(logs: Logs = DEFAULT_LOGS, json: Json = None) -> None:
    """Tell who let which version answer, when and why."""
    from todserve.serving.releases.release_log import ReleaseLog
    from todserve.serving.terminal.painted_lines import say, say_table, write_json

    done = ReleaseLog(logs).read()
    if json is not None:
        write_json([one.model_dump(mode="json", by_alias=True) for one in done], json)
    if json is None or str(json) != "-":
        if not done:
            say("nothing was released yet")
            return
        rows = [
            (one.time, one.user, one.action, one.model, f"{one.before} -> {one.to}", one.reason)
            for one in done
        ]
        say_table(("time", "user", "what", "model", "version", "reason"), rows)


def _holds(
    releases: "Releases", version: str, dialogues: Path, only: str, limit: int | None
) -> bool:
    """Ask the version the dialogues, as ``tod replay`` does."""
    from todserve.evaluation.replay.replay_differences import Aspect
    from todserve.evaluation.replay.replay_run import HOLDS, run_replay
    from todserve.serving.client.served_answerer import open_answerer

    try:
        aspects = tuple(Aspect(one) for one in only.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"got {only!r}; expected some of intent,state,acts,reply", param_hint="--only"
        ) from None
    place = f"{releases.model}/{version}"
    address, key_file = releases.address_of(version)
    with open_answerer(address, name=place, token_file=key_file) as model:
        return run_replay(dialogues, model, only=aspects, limit=limit) == HOLDS


def _share(text: str) -> float:
    from todserve.runtime.errors import ConfigError
    from todserve.serving.releases.rollout_file import share_of

    try:
        return share_of(text)
    except ConfigError as error:
        raise typer.BadParameter(str(error), param_hint="--share") from None


def _say(done: "Release") -> int:
    from todserve.serving.releases.release_log import Action
    from todserve.serving.terminal.painted_lines import say

    share = f"{100 * (done.share or 0):g}%"
    told = {
        Action.PROMOTE: f"{done.to} answers now, {done.before} did before",
        Action.ROLL_BACK: f"{done.to} answers now, {done.before} did before",
        Action.REFUSED: f"{done.before} answers as before; {done.to} was not promoted",
        Action.CANARY: f"{done.to} answers {share} of the new dialogues",
        Action.SHADOW: f"{done.to} is asked {share} of the turns again",
        Action.ADDED: f"{done.to} is there; {done.before} answers as before",
        Action.REMOVED: f"{done.before} is forgotten; {done.to} answers as before",
        Action.WITHDRAWN: f"{done.before} is tried no more; {done.to} answers as before",
    }
    say(f"{done.model}: {told[done.action]}")
    return int(done.action is Action.REFUSED)
