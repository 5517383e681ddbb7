"""The studio's page: served as files beside the gateway's API.

The studio's process adds it to the gateway's app, whose ``/v1`` the page uses like any client.
Example: ``mount_studio(app)`` after ``app = create_app(settings)``; then ``/`` leads to
``/studio/``.

The page is plain files without a build step. What it may do is said in one header, see
`gateway.api.browser_headers`.
"""

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from todserve.gateway.api.browser_headers import POLICY

PATH = "/studio/"
STATIC = Path(__file__).parent / "static"

_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".woff2": "font/woff2"}
_KEPT = "public, max-age=31536000, immutable"
_ASKED_AGAIN = "no-cache"


class _Page(StaticFiles):
    """The files, with their headers."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file; an old one is told from a new one by its ETag."""
        response = await super().get_response(path, scope)
        response.headers["Content-Security-Policy"] = POLICY
        # Our own files change with the package, and must then change together; those of others
        # have their version in their path.
        kept = path.replace("\\", "/").startswith("vendor/")
        response.headers["Cache-Control"] = _KEPT if kept else _ASKED_AGAIN
        # The machine's own table of types may call a module plain text, which nosniff refuses.
        kind = _TYPES.get(Path(path).suffix)
        if kind is not None and response.status_code == 200:
            response.headers["Content-Type"] = kind
        return response


def mount_studio(app: FastAPI) -> None:
    """Add the page under ``/studio/`` and lead ``/`` there."""

    @app.get("/", include_in_schema=False)
    async def begin() -> RedirectResponse:
        return RedirectResponse(PATH)

    app.mount(PATH.rstrip("/"), _Page(directory=STATIC, html=True), name="studio")
