"""TorchScript code: refuses an exported module whose code does more than a network's arithmetic.

The engine calls it before it opens ``torchscript/model.pt``, which may be a stranger's. PyTorch
runs parts of a module's code while it loads it, and among its operations are some that write files:
``from_file`` overwrites any. So every call in the code is held against those that a network needs.
Example: ``check_code(Path("torchscript/model.pt"))`` returns, or raises ConfigError.
"""

import ast
import re
from pathlib import Path
from typing import Any

import torch

from todserve.runtime.errors import ConfigError

_TENSORS = """
    abs add add_ addmm all any arange argmax bmm cat chunk clamp clamp_ contiguous copy_ cos cumsum
    detach div dropout embedding empty eq erf exp expand expand_as fill_ flatten floor floor_divide
    full gather ge gelu gt hypot index index_select layer_norm le linalg_vector_norm linear log
    log_softmax logical_and logical_not logical_or logsumexp lt masked_fill matmul max mean min mm
    mul mul_ narrow native_layer_norm ne neg new_empty new_zeros nonzero ones ones_like permute pow
    relu remainder repeat reshape rsqrt rsub scaled_dot_product_attention select sigmoid silu sin
    size slice softmax split sqrt squeeze stack sub sum t tanh tensor to topk transpose tril triu
    type_as unbind unsqueeze view where zeros zeros_like
"""
_VALUES = """
    __and__ __contains__ __getitem__ __is__ __isnot__ __not__ __or__ _set_item append extend float
    int item len tolist
"""
_QUANTIZED = "dequantize linear_dynamic linear_prepack quantize_per_channel quantize_per_tensor"
_CALLED = frozenset(f"{_TENSORS} {_VALUES} {_QUANTIZED}".split())
_WORDS = frozenset({"annotate", "float", "int", "range", "unchecked_cast", "uninitialized"})
_RECORDS = re.compile(
    r"(data|constants|traced_inputs)(\.pkl|/\d+)|version|byteorder|\.data/\w+"
    r"|code/__torch__(/\w+)*\.py(\.debug_pkl)?"
)
_PLAIN = re.compile(rb"[\n -~]*")
_MOST_BYTES = 1 << 24


def check_code(path: Path) -> None:
    """Read the module's code as PyTorch does, and refuse what a network does not need.

    Raises:
        ConfigError: it calls anything else, or is no module that PyTorch 2 wrote.
    """
    try:
        reader: Any = torch._C.PyTorchFileReader(str(path))
        names: list[str] = reader.get_all_records()
    except RuntimeError as error:
        raise ConfigError(
            f"cannot load {path}: {str(error).splitlines()[0]}; export the checkpoint again with "
            "this version"
        ) from None
    for name in names:
        # Modules of old versions keep code elsewhere, and would not be seen here.
        if not _RECORDS.fullmatch(name):
            raise _strange(path, f"a part called {name!r}")
    # PyTorch finds a part whatever the size of its letters.
    if len({name.lower() for name in names}) < len(names):
        raise _strange(path, "two parts of one name")
    for name in names:
        if name.endswith(".py"):
            _check(path, bytes(reader.get_record(name)))


def _check(path: Path, code: bytes) -> None:
    # Nothing that Python and PyTorch might read differently.
    if len(code) > _MOST_BYTES or not _PLAIN.fullmatch(code):
        raise _strange(path, "code that is too long, or not plain text")
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _strange(path, "code that cannot be read") from None
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr in _CALLED:
            continue
        if isinstance(called, ast.Name) and called.id in _WORDS:
            continue
        raise _strange(path, f"a call of {ast.unparse(called)[:60]!r}")


def _strange(path: Path, got: str) -> ConfigError:
    return ConfigError(
        f"{path}: got {got}; expected a network that `tod export --format torchscript` wrote; "
        "export the checkpoint again with this version"
    )
