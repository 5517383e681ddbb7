"""The API's labels: what the model can be taught, and utterances labelled by hand.

`gateway_app` adds these routes to the API. Example: ``GET /v1/model`` for a picker of intents, then
``POST /v1/examples`` with ``{"text": "a train to ely", "intent": "find_train"}``.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, status

from todserve.gateway.api.dialogue_routes import REFUSALS
from todserve.gateway.api.pagination import CURSOR, PAGE, following, place_of
from todserve.gateway.api.request_bodies import Annotate, Propose
from todserve.gateway.api.response_bodies import ExamplePage, ExampleView, ModelView, Proposal
from todserve.gateway.api.roles import allowed
from todserve.gateway.conversations.label_checks import check_labels
from todserve.gateway.conversations.model_clients import Models
from todserve.gateway.gateway_settings import MODEL_NAME, GatewaySettings
from todserve.gateway.store.labelled_examples import Examples


def label_routes(settings: GatewaySettings, examples: Examples, models: Models) -> APIRouter:
    """Return the routes about a model's labels, proposals and labelled examples."""
    routes = APIRouter(
        prefix="/v1", tags=["labels"], responses=REFUSALS, dependencies=[Depends(allowed)]
    )

    @routes.get("/model", response_model=ModelView)
    def model(
        request: Request, name: Annotated[str | None, Query(pattern=MODEL_NAME)] = None
    ) -> dict[str, Any]:
        """Tell what a model's labels are, the default model's unless another is named."""
        asked = name or settings.model_name
        known = models.describe(asked, request_id=request.state.request_id)
        return {"name": asked} if known is None else known.model_dump()

    @routes.post("/proposals", response_model=Proposal)
    def propose(body: Propose, request: Request) -> dict[str, Any]:
        """Tell how a model reads an utterance. Nothing of it is stored, and no action runs."""
        asked, request_id = body.model or settings.model_name, request.state.request_id
        return {"answer": models.answer(asked, body.text, (), request_id=request_id)}

    @routes.post("/examples", status_code=status.HTTP_201_CREATED, response_model=ExampleView)
    def annotate(body: Annotate, request: Request) -> dict[str, Any]:
        """Store an utterance with its labels."""
        content = body.model_dump(include={"intent", "belief_state"})
        names = (settings.model_name,)
        check_labels(content, models, names, request_id=request.state.request_id)
        return examples.add(body.text, body.intent, body.belief_state).view()

    @routes.get("/examples", response_model=ExamplePage)
    def browse(
        limit: Annotated[int, Query(ge=1, le=PAGE)] = 20,
        before: Annotated[str | None, Query(pattern=CURSOR)] = None,
    ) -> dict[str, Any]:
        """List labelled utterances, the newest first."""
        found = examples.page(limit=limit, before=place_of(before))
        return {
            "examples": [record.view() for record in found],
            "next": following([one.place for one in found], limit),
        }

    @routes.delete("/examples/{example_id}", status_code=204)
    def delete(example_id: Annotated[str, Path(pattern=r"^[0-9a-f]{1,64}$")]) -> None:
        """Delete a labelled utterance."""
        examples.delete(example_id)

    return routes
