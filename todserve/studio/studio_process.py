"""The studio's process: a gateway that serves the page as well.

``tod studio`` calls it. Example: ``run_studio(GatewaySettings(port=8090))``.
"""

import httpx2 as httpx

from todserve.gateway.api.gateway_app import create_app
from todserve.gateway.gateway_process import kept_in, make_server, prepare
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.runtime.console import tell
from todserve.studio.studio_page import PATH, mount_studio

_SECONDS = 2.0
_EVERYWHERE = ("0.0.0.0", "::")
_TITLE = b"<title>todserve studio</title>"


def run_studio(settings: GatewaySettings) -> None:
    """Serve until interrupted; messages under way are answered first.

    Where a studio runs at that address already, its address is said and nothing is started.

    Raises:
        ConfigError: the database or bot.yml cannot be opened.
        ServerError: something else has the port.
    """
    address = studio_address(settings)
    if settings.port and is_studio(address):
        tell(f"studio: {address} (it runs already, with what it was started with)")
        tell("another one beside it: tod studio --port 0 --database sqlite:///other.sqlite")
        return
    prepare(settings)
    app = create_app(settings)
    mount_studio(app)
    tell(f"studio: {address}")
    tell(f"dialogues: {kept_in(settings)}")
    make_server(settings, app).run()


def studio_address(settings: GatewaySettings) -> str:
    """Return what a browser of this machine opens."""
    host = "127.0.0.1" if settings.host in _EVERYWHERE else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}{PATH}"


def is_studio(address: str) -> bool:
    """Say whether a studio answers there."""
    try:
        answer = httpx.get(address, timeout=_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200 and _TITLE in answer.content
