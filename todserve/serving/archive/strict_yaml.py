"""Strict YAML: a mapping that names a key twice is an error, not a silent choice of the last.

Beside the way of a request: ``tod archive`` reads model-config.yaml through here.
Example: ``load_mapping(Path("archive/model-config.yaml"))["batchSize"]`` is ``8``.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from todserve.runtime.errors import ConfigError


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise ConfigError(f"line {line}: key '{key}' stands twice; remove one of them")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def load_mapping(path: Path, *, example: str = "batchSize: 8") -> dict[str, object]:
    """Return the mapping that the file holds; an empty file holds an empty one.

    Args:
        path: of the file.
        example: a line of such a file, for the message about another one.

    Raises:
        ConfigError: no file, not YAML, not a mapping, or a key that stands twice.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: got no UTF-8; expected YAML in UTF-8; save it so") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        kind = type(document).__name__
        raise ConfigError(f"{path}: got {kind}; expected a mapping such as '{example}'")
    return document
