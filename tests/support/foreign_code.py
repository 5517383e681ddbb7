"""A stranger's model and workflow that leave a mark when TorchServe loads them, and a web site.

The workflow names the model by its address, so whoever registers the one loads the other.
"""

import json
import zipfile
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from tests.support.serving_thread import ServingThread

PATIENCE = 60  # seconds
_MADE = {"createdOn": "01/01/1980 00:00:00", "archiverVersion": "0.12.0"}


class ForeignCode:
    """``stranger.war`` and ``stranger.mar`` in a folder, and ``loaded`` once either has run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = folder / "loaded"
        self.model = folder / "stranger.mar"
        self.workflow = folder / "stranger.war"
        handler = (
            f"open({str(self.mark)!r}, 'a').write('loaded')\n"
            "def handle(data, context):\n    return [b'x'] * len(data or [])\n"
        )
        described = {"modelName": "stranger", "handler": "h.py", "serializedFile": "m.bin"}
        described["modelVersion"] = "1.0"
        with zipfile.ZipFile(self.model, "w") as packed:
            packed.writestr("h.py", handler)
            packed.writestr("m.bin", "x")
            manifest = {**_MADE, "runtime": "python", "model": described}
            packed.writestr("MAR-INF/MANIFEST.json", json.dumps(manifest))
        with zipfile.ZipFile(self.model) as packed:  # the same as a folder
            packed.extractall(folder / "unpacked")
        flow = {"workflowName": "stranger", "specFile": "spec.yaml", "handler": "f.py"}
        flow["workflowVersion"] = "1.0"
        with zipfile.ZipFile(self.workflow, "w") as packed:
            packed.writestr(
                "spec.yaml",
                "models:\n  min-workers: 1\n  max-workers: 1\n  batch-size: 1\n"
                f"  max-batch-delay: 10\n  one:\n    url: file://{self.model}\n"
                "dag:\n  one: [after]\n",
            )
            packed.writestr("f.py", "def after(data, context):\n    return data\n")
            packed.writestr("WAR-INF/MANIFEST.json", json.dumps({**_MADE, "workflow": flow}))

    def spellings(self, archive: Path, site: str) -> list[str]:
        """Return ways to say where an archive is, as query text."""
        path, name = str(archive), archive.name
        plain = [
            f"file://{path}",
            f"FILE://{path}",
            f"file:{path}",
            f"file://localhost{path}",
            f"file:///{path}/../{name}",
            f"jar:file:{path}!/",
            path,
            f"/{path}",
            f"../../../../../../../../../..{path}",
            name,
            str(archive.parent / "unpacked"),
            "..",
            "",
            f"{site}/{name}",
            f"HTTP{site.removeprefix('http')}/{name}",
            f"https://127.0.0.1:9/{name}",
        ]
        encoded = [f"file%3A%2F%2F{quote(path, safe='')}", f"%66ile://{quote(path)}"]
        return [*plain, *encoded, path.replace("/", "%2F"), f"%2e%2e/{name}"]

    def attempts(self, management_url: str, site: str) -> list[int]:
        """Try to register both in every spelling and form; return the statuses."""
        statuses = []
        for kind, archive in (("workflows", self.workflow), ("models", self.model)):
            for spelling in self.spellings(archive, site):
                url = f"{management_url}/{kind}?url={spelling}"
                named = "&model_name=stranger&workflow_name=stranger&initial_workers=1"
                for address in (url, url + named):
                    statuses.append(requests.post(address, timeout=PATIENCE).status_code)
            for key in ("url", "workflow_url", "model_url"):
                body = {key: f"file://{archive}"}
                address = f"{management_url}/{kind}"
                answers = [
                    requests.post(address, json=body, timeout=PATIENCE),
                    requests.post(address, data=body, timeout=PATIENCE),  # as a form sends it
                ]
                statuses += [answer.status_code for answer in answers]
            # As a page would whose name the browser was told means this machine.
            page = {"Host": "evil.example", "Origin": "http://evil.example"}
            url = f"{management_url}/{kind}?url=file://{archive}"
            statuses.append(requests.post(url, headers=page, timeout=PATIENCE).status_code)
        return statuses


class Site(ServingThread):
    """A web site with the files of a folder; remembers what it was asked for."""

    def __init__(self, folder: Path) -> None:
        asked: list[str] = []
        self.asked = asked

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *given: Any) -> None:
                super().__init__(*given, directory=str(folder))

            def log_message(self, *_: object) -> None:
                asked.append(self.path)

        super().__init__(Handler)
