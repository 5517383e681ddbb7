"""The API under ``/v1``: dialogues, their turns and corrections, users.

Messages of clients come in here, and their turns are returned. Example:
``POST /v1/dialogues/4f2a/turns`` with ``{"user": "a train to ely", "message_id": "1"}``.

Routes are plain functions: the server runs each in a thread, and a thread may wait for its
dialogue, for the model and for the disk. What is said may be answered in parts, see `turn_stream`.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response, status
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from todserve.gateway.api.pagination import CURSOR, PAGE, following, place_of
from todserve.gateway.api.request_bodies import (
    Begin,
    Compare,
    Correct,
    Name,
    PersonId,
    Say,
    SearchText,
)
from todserve.gateway.api.response_bodies import (
    Begun,
    Compared,
    DialoguePage,
    DialogueView,
    TurnsView,
    TurnView,
)
from todserve.gateway.api.roles import allowed, caller_of
from todserve.gateway.conversations.dialogue_export import person_lines
from todserve.gateway.conversations.label_checks import check_labels
from todserve.gateway.conversations.model_clients import Models, Told
from todserve.gateway.conversations.model_comparison import compare
from todserve.gateway.conversations.speaker import Speaker
from todserve.gateway.gateway_errors import FaultBody
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store.dialogue_filters import Filter, found_by, of_intent, saying
from todserve.gateway.store.dialogue_store import Store
from todserve.gateway.store.records import TurnRecord, moment
from todserve.gateway.turn_stream import CONTENT_TYPE, TurnStreams

REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": FaultBody, "description": text}
    for code, text in {
        400: "The request, or the model, cannot make sense of it",
        401: "A bearer token is required",
        403: "The token may not do this",
        404: "There is no such dialogue, turn or correction",
        409: "The message id stands for another text, or the version cannot be released",
        410: "The dialogue has expired",
        413: "The body is too large",
        421: "Without tokens, only localhost is answered",
        422: "The request is not as this document says",
        429: "Too many requests",
        503: "The model, the store or the dialogue is not free; send the same again",
    }.items()
}

_IN_PARTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The turn; or, where it was asked for, its parts as they come to be",
        "content": {CONTENT_TYPE: {"schema": {"type": "string"}}},
    }
}

LINES = "application/x-ndjson"
"""What JSON lines are sent as."""

_LINES: dict[int | str, dict[str, Any]] = {
    200: {"description": "A dialogue a line", "content": {LINES: {"schema": {"type": "string"}}}}
}

DialogueId = Annotated[str, Path(pattern=r"^[0-9a-f]{1,64}$")]
Index = Annotated[int, Path(ge=0, le=1_000_000)]


def dialogue_routes(
    settings: GatewaySettings,
    store: Store,
    speaker: Speaker,
    models: Models,
    streams: TurnStreams,
) -> APIRouter:
    """Return the routes under ``/v1`` about dialogues, their turns and corrections, and users."""
    routes = APIRouter(
        prefix="/v1", tags=["dialogues"], responses=REFUSALS, dependencies=[Depends(allowed)]
    )

    @routes.post("/dialogues", status_code=status.HTTP_201_CREATED)
    def begin(
        body: Begin,
        request: Request,
        response: Response,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=128)] = None,
    ) -> Begun:
        """Begin a dialogue; the same `Idempotency-Key` again gives the one that it began."""
        model = body.model or settings.model_name
        owner = caller_of(request).owner
        record, again = store.begin(
            model=model, user_id=body.user_id, owner=owner, key=idempotency_key
        )
        if again:
            response.headers["Idempotent-Replay"] = "true"
        return Begun(
            dialogue_id=record.dialogue_id, created_at=moment(record.created_at), model=model
        )

    @routes.get("/dialogues", response_model=DialoguePage)
    def browse(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=PAGE)] = 20,
        before: Annotated[str | None, Query(pattern=CURSOR)] = None,
        filter: Literal["all", Filter] = "all",
        intent: Annotated[Name | None, Query()] = None,
        search: Annotated[SearchText | None, Query()] = None,
    ) -> dict[str, Any]:
        """List dialogues, the newest first; a token that may talk sees its own.

        intent: only those with such a turn, as it stands corrected. search: only those in which
        each of these words was said, or names what a turn is about.
        """
        conditions = [] if filter == "all" else [found_by(filter)]
        if intent is not None:
            conditions.append(of_intent(intent))
        if search is not None:
            conditions.append(saying(search))
        mine = caller_of(request).reads
        found = store.page(limit=limit, before=place_of(before), conditions=conditions, owner=mine)
        return {
            "dialogues": [record.view() for record in found],
            "next": following([one.place for one in found], limit),
        }

    @routes.get("/dialogues/{dialogue_id}", response_model=DialogueView)
    def read(dialogue_id: DialogueId, request: Request) -> dict[str, Any]:
        """Read a dialogue."""
        record = store.dialogue(dialogue_id, owner=caller_of(request).reads)
        return {
            "dialogue_id": record.dialogue_id,
            "user_id": record.user_id,
            "created_at": moment(record.created_at),
            "turns": [turn.view() for turn in store.turns(dialogue_id)],
        }

    @routes.post("/dialogues/{dialogue_id}/turns", response_model=TurnView, responses=_IN_PARTS)
    async def say(dialogue_id: DialogueId, body: Say, request: Request, response: Response) -> Any:
        """Say something. The turn is stored when this answers, and only then.

        With `Accept: text/event-stream` the answer comes in parts: `understood` while the reply is
        still being written, `piece` by piece the reply, then `turn`, the same that a plain answer
        gives; or `error` in the place of what would have followed.
        """
        request_id = request.state.request_id
        owner = caller_of(request).writes

        def answered(understood: Told | None = None) -> tuple[TurnRecord, bool]:
            return speaker.say(
                dialogue_id,
                body.user,
                body.message_id,
                request_id=request_id,
                owner=owner,
                now=body.now,
                understood=understood,
            )

        if CONTENT_TYPE in request.headers.get("accept", ""):
            stream = await streams.open(answered, request_id=request_id)
            headers = {"X-Accel-Buffering": "no"}
            if stream.is_again:
                headers["Idempotent-Replay"] = "true"
            return stream.response(headers)
        turn, again = await run_in_threadpool(answered)
        if again:
            response.headers["Idempotent-Replay"] = "true"
        return turn.view()

    @routes.post("/dialogues/{dialogue_id}/turns/{index}/correction", response_model=TurnsView)
    def correct(
        dialogue_id: DialogueId, index: Index, body: Correct, request: Request
    ) -> dict[str, Any]:
        """Store what would have been right beside what the model said."""
        content, request_id = body.content(), request.state.request_id
        # An old version may be served no more; what is corrected is for the ones to come.
        names = (store.dialogue(dialogue_id).model, settings.model_name)
        check_labels(content, models, names, request_id=request_id)
        turns = speaker.correct(
            dialogue_id,
            index,
            content,
            rerun=body.rerun,
            request_id=request_id,
            author=caller_of(request).name,
        )
        return {"turns": [turn.view() for turn in turns]}

    @routes.delete("/dialogues/{dialogue_id}/turns/last/correction", status_code=204)
    def undo(dialogue_id: DialogueId) -> None:
        """Take the newest correction of the dialogue back, with what it ran again."""
        speaker.undo(dialogue_id)

    @routes.post("/dialogues/{dialogue_id}/compare", response_model=Compared)
    def compare_with(dialogue_id: DialogueId, body: Compare, request: Request) -> dict[str, Any]:
        """Ask another model every turn of the dialogue again; nothing of it is stored."""
        store.dialogue(dialogue_id)
        compared = compare(
            store.turns(dialogue_id),
            models,
            body.model,
            newest=settings.history_turns,
            request_id=request.state.request_id,
        )
        return {"turns": compared}

    @routes.delete("/dialogues/{dialogue_id}", status_code=204)
    def delete(dialogue_id: DialogueId, request: Request) -> None:
        """Delete a dialogue with everything said in it."""
        store.delete(dialogue_id, owner=caller_of(request).writes)

    @routes.delete("/dialogues/{dialogue_id}/hand-off", status_code=204)
    def resume(dialogue_id: DialogueId) -> None:
        """Let the bot answer again where a person had taken over; else this changes nothing."""
        speaker.resume(dialogue_id)

    # An id may hold a slash, and what its user said must be found and deletable all the same.
    @routes.get("/users/{user_id:path}", response_class=StreamingResponse, responses=_LINES)
    def read_user(user_id: Annotated[PersonId, Path()], request: Request) -> StreamingResponse:
        """Export every dialogue of a user, on Rasa's channels of a sender: one a line.

        A token that may talk gets those that it began itself.
        """
        lines = person_lines(store, user_id, owner=caller_of(request).reads)
        return StreamingResponse(lines, media_type=LINES)

    @routes.delete("/users/{user_id:path}", status_code=204)
    def delete_user(user_id: Annotated[PersonId, Path()], request: Request) -> None:
        """Delete every dialogue of a user, on the REST channel of a sender.

        A token that may not administer deletes those that it began itself.
        """
        store.delete_user(user_id, owner=caller_of(request).writes)

    return routes
