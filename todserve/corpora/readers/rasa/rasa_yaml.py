r"""Write YAML as Rasa's users do: examples as literal blocks, keys in their order.

Every writer of Rasa's files uses it. PyYAML is enough: ruamel.yaml keeps the comments of a file
that is read and written back, and nothing here is written back. Example:
``{"examples": Block("- hi\n")}`` becomes ``examples: |`` and an indented ``- hi``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

VERSION = "3.1"
"""Rasa's training-data format that is written."""


_READ_OTHERWISE = re.compile(r".*\$\{.*\}.*|[-+]?(0o[0-7]+|\.?\d[\d.]*[eE][-+]?\d+)", re.DOTALL)
"""Plain words that Rasa's reader takes for a variable of the environment, or for a number (its
YAML is 1.2, PyYAML's 1.1)."""


class Block(str):
    """A text of several lines, written as a literal block."""


class _Dumper(yaml.SafeDumper):
    """Safe, without anchors."""

    def ignore_aliases(self, value: Any) -> bool:
        return True


def _block(dumper: yaml.SafeDumper, text: Block) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if _READ_OTHERWISE.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(Block, _block)
_Dumper.add_representer(str, _text)


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
