r"""Write YAML as Rasa's users do: examples as literal blocks, keys in their order.

Stands behind every writer of Rasa's files. PyYAML is enough: ruamel.yaml keeps the comments of a
file that is read and written back, and nothing here is written back. Example:
``{"examples": Block("- hi\n")}`` becomes ``examples: |`` and an indented ``- hi``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

VERSION = "3.1"
"""Rasa's training-data format that is written."""


class Block(str):
    """A text of several lines, written as a literal block."""


class _Dumper(yaml.SafeDumper):
    """Safe, without anchors."""

    def ignore_aliases(self, value: Any) -> bool:
        return True


def _block(dumper: yaml.SafeDumper, text: Block) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")


_Dumper.add_representer(Block, _block)


def to_yaml(tree: Mapping[str, Any]) -> str:
    """Return ``tree`` as a YAML document with Rasa's format version in front."""
    return str(
        yaml.dump(
            {"version": VERSION, **tree},
            Dumper=_Dumper,
            allow_unicode=True,
            sort_keys=False,
            width=10_000,
        )
    )


def listed(examples: Sequence[str]) -> Block:
    """Return examples as the literal block that Rasa wants: ``- one`` a line."""
    return Block("".join(f"- {one}\n" for one in examples))
