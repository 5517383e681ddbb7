"""A real HTTP server that describes models as TorchServe's management API does."""

import json
import os
from http.server import BaseHTTPRequestHandler

from tests.support.serving_thread import ServingThread


class ManagementServer(ServingThread):
    """Serves the models it is given, name -> (version, status of its worker), by this process."""

    def __init__(self, **models: list[tuple[str, str]]) -> None:
        listed = {"models": [{"modelName": name, "modelUrl": f"{name}.mar"} for name in models]}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.partition("/models/")[2].removesuffix("/all")
                content: object = [
                    {
                        "modelName": name,
                        "modelVersion": version,
                        "modelUrl": f"{name}.mar",
                        "workers": [{"id": "9000", "pid": os.getpid(), "status": status}],
                    }
                    for version, status in models.get(name, ())
                ]
                body = json.dumps(content if name else listed).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_PUT(self) -> None:
                _, _, name, version, _ = self.path.split("/")
                # The first one is the default version.
                models[name].sort(key=lambda one: one[0] != version)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        super().__init__(Handler)
