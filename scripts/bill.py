"""A software bill of materials in CycloneDX's JSON: what a wheel or an archive brings along.

``python scripts/bill.py todserve.cdx.json`` lists the Python packages of requirements/runtime.txt
and the Java that TorchServe's wheel bundles, with the versions that its jar itself tells.
``--archive archive/store/tod.mar`` adds the archive's files with their checksums.
"""

import argparse
import hashlib
import re
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from todserve.runtime.errors import ArchiveError
from todserve.runtime.untrusted.packed_files import open_zip

ROOT = Path(__file__).resolve().parents[1]
JAR = "ts/frontend/model-server.jar"
_NETTY = re.compile(r"^(netty-[\w-]+)\.version=(\S+)$", re.MULTILINE)
_MAVEN = re.compile(r"\b([\w.]+):([\w.-]+):jar:([\w.-]+)")
_TOLD_BY_NAME = {
    "com.google.code.gson:gson": "com/google/gson/",
    "com.google.guava:guava": "com/google/common/",
    "com.google.protobuf:protobuf-java": "com/google/protobuf/",
    "io.grpc:grpc-netty-shaded": "io/grpc/netty/",
    "org.codehaus.groovy:groovy": "org/codehaus/groovy/",
    "org.testng:testng": "org/testng/",
    "org.yaml:snakeyaml": "org/yaml/snakeyaml/",
}
"""What the jar bundles without saying in which version; TorchServe's build files do."""


def python_packages(pins: Path) -> Iterator[Component]:
    """Yield the pinned packages, with the licences of those that are installed."""
    licences = LicenseFactory()
    for line in pins.read_text(encoding="utf-8").splitlines():
        name, equal, version = line.partition("==")
        if not equal or line.startswith("#"):
            continue
        try:
            told = metadata.metadata(name)["License-Expression"]
        except (metadata.PackageNotFoundError, KeyError):
            told = None
        yield Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=version,
            bom_ref=f"pkg:pypi/{name.lower()}@{version}",
            purl=PackageURL("pypi", None, name.lower(), version),
            licenses=[licences.make_from_string(told)] if told else None,
        )


def java_libraries(jar: Path) -> Component:
    """Return TorchServe's jar with the libraries inside it."""
    with zipfile.ZipFile(jar) as packed:
        names = packed.namelist()
        inside: dict[tuple[str, str], str | None] = {}
        if "META-INF/io.netty.versions.properties" in names:
            text = packed.read("META-INF/io.netty.versions.properties").decode("utf-8")
            inside |= {("io.netty", name): version for name, version in _NETTY.findall(text)}
        if "META-INF/DEPENDENCIES" in names:
            text = packed.read("META-INF/DEPENDENCIES").decode("utf-8")
            inside |= {(group, name): version for group, name, version in _MAVEN.findall(text)}
    for known, folder in _TOLD_BY_NAME.items():
        if any(name.startswith(folder) for name in names):
            group, name = known.split(":")
            inside.setdefault((group, name), None)
    return Component(
        type=ComponentType.APPLICATION,
        name="model-server.jar",
        version=metadata.version("torchserve"),
        bom_ref="torchserve-jar",
        hashes=[_sha256(jar.read_bytes())],
        components=[
            Component(
                type=ComponentType.LIBRARY,
                group=group,
                name=name,
                version=version,
                bom_ref=f"pkg:maven/{group}/{name}",
                purl=PackageURL("maven", group, name, version),
            )
            for (group, name), version in sorted(inside.items())
        ],
    )


def _sha256(content: bytes) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(content).hexdigest())


def archive_files(archive: Path) -> Component:
    """Return an archive with its files."""
    files = []
    with open_zip(archive, error=ArchiveError) as packed:
        for entry in sorted(packed.namelist()):
            if entry.endswith("/"):
                continue
            weights = entry.endswith((".safetensors", ".onnx", ".pt", "model.bin"))
            files.append(
                Component(
                    type=ComponentType.MACHINE_LEARNING_MODEL if weights else ComponentType.FILE,
                    name=entry,
                    bom_ref=f"{archive.name}:{entry}",
                    hashes=[_sha256(packed.read(entry))],
                )
            )
    return Component(
        type=ComponentType.APPLICATION,
        name=archive.name,
        bom_ref=archive.name,
        hashes=[_sha256(archive.read_bytes())],
        components=files,
    )


def bill(archive: Path | None = None) -> str:
    """Return the bill as text."""
    bom = Bom()
    version = metadata.version("todserve")
    bom.metadata.component = Component(
        type=ComponentType.APPLICATION,
        name="todserve",
        version=version,
        bom_ref="todserve",
        purl=PackageURL("pypi", None, "todserve", version),
    )
    packages = list(python_packages(ROOT / "requirements" / "runtime.txt"))
    jar = java_libraries(Path(str(metadata.distribution("torchserve").locate_file(JAR))))
    own = [] if archive is None else [archive_files(archive)]
    for one in (*packages, jar, *own):
        bom.components.add(one)
    bom.register_dependency(bom.metadata.component, [*packages, jar, *own])
    return JsonV1Dot6(bom).output_as_string(indent=1)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--archive", type=Path)
    arguments = parser.parse_args()
    arguments.out.write_text(bill(arguments.archive) + "\n", encoding="utf-8")
    print(f"wrote {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
