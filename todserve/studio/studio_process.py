"""The studio's process: a gateway that serves the page as well.

Around the whole way of a message. Example: ``run_studio(GatewaySettings(port=8090))``.
"""

from todserve.gateway.api.gateway_app import create_app
from todserve.gateway.gateway_process import check_port, keep_private, make_server
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.runtime.console import tell
from todserve.studio.studio_page import PATH, mount_studio


def run_studio(settings: GatewaySettings) -> None:
    """Serve until interrupted; messages under way are answered first.

    Raises:
        ConfigError: the database or bot.yml cannot be opened.
        ServerError: the port is taken.
    """
    check_port(settings)
    keep_private()
    app = create_app(settings)
    mount_studio(app)
    tell(f"studio: http://{settings.host}:{settings.port}{PATH}")
    make_server(settings, app).run()
