"""Hand-off: the person who took a dialogue over gives it back to the bot.

Beside the way of a message. Example: ``DELETE /v1/dialogues/4f2a/hand-off``.
"""

from fastapi import APIRouter, Depends, status

from todserve.gateway.api.dialogue_routes import REFUSALS, DialogueId
from todserve.gateway.api.roles import allowed
from todserve.gateway.conversations.speaker import Speaker


def hand_off_routes(speaker: Speaker) -> APIRouter:
    """Return the route by which a person gives a dialogue back to the bot."""
    routes = APIRouter(
        prefix="/v1", tags=["dialogues"], responses=REFUSALS, dependencies=[Depends(allowed)]
    )

    @routes.delete("/dialogues/{dialogue_id}/hand-off", status_code=status.HTTP_204_NO_CONTENT)
    def resume(dialogue_id: DialogueId) -> None:
        """Let the bot answer again; changes nothing where nobody had taken over."""
        speaker.resume(dialogue_id)

    return routes
