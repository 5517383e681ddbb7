"""PageGuard: keeps pages of other machines from a server that listens on loopback alone.

Ray Serve and KServe's server put it before their routes, where nobody is asked for a token. A
browser lets a page send requests here; it says so with the page's name as ``Origin``, or marks the
request as cross-site, and a page whose name was made to mean 127.0.0.1 comes with that name as
``Host``. TorchServe's guard refuses the same (archive/guard). Example: ``PageGuard(app)`` answers
403 to ``Origin: https://elsewhere.org``.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from todserve.runtime.wire.loopback import is_loopback

_REFUSAL = {
    "code": 403,
    "type": "ForeignPageException",
    "message": "the request names another machine as its Host or comes from a page of one; "
    "expected localhost or 127.0.0.1",
}


class PageGuard:
    """An application behind which only this machine's own programs and pages are answered."""

    def __init__(self, app: ASGIApp) -> None:
        """Guard ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a foreign page's request, and hand on every other."""
        if scope["type"] == "http" and _is_foreign(scope["method"], Headers(scope=scope)):
            await JSONResponse(_REFUSAL, 403, {"Connection": "close"})(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_foreign(method: str, headers: Headers) -> bool:
    return (
        not all(_is_here(f"//{host}") for host in headers.getlist("host"))
        or not all(map(_is_here, headers.getlist("origin")))
        or _is_cross_site(method, headers)
    )


def _is_cross_site(method: str, headers: Headers) -> bool:
    """Say whether a page has fetched it without an Origin, as for a picture; a link is followed."""
    followed = method == "GET" and headers.get("sec-fetch-dest") == "document"
    return headers.get("sec-fetch-site") == "cross-site" and not followed


def _is_here(address: str) -> bool:
    try:
        return is_loopback(urlsplit(address.lower()).hostname or "")
    except ValueError:
        return False
