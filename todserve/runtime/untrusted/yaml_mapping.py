"""A YAML file that must hold a mapping, read under the limits of `yaml_text`.

``tod archive`` reads model-config.yaml through here, the bot its bot.yml.
Example: ``load_mapping(Path("archive/model-config.yaml"))["batchSize"]`` is ``8``.
"""

from pathlib import Path

from todserve.runtime.errors import ConfigError, DataError
from todserve.runtime.untrusted.problem_words import KINDS
from todserve.runtime.untrusted.yaml_text import read_yaml


def load_mapping(path: Path, *, example: str = "batchSize: 8") -> dict[str, object]:
    """Return the mapping that the file holds; an empty file holds an empty one.

    Args:
        path: of the file.
        example: a line of such a file, for the message about another one.

    Raises:
        ConfigError: no file, not YAML, beyond its limits, or not a mapping.
    """
    try:
        document = read_yaml(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except DataError as error:
        raise ConfigError(f"{path}: {error}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        kind = KINDS.get(type(document), "something else")
        raise ConfigError(f"{path}: got {kind}; expected a mapping such as '{example}'")
    return document
