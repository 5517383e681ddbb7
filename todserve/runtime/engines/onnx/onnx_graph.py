"""Graph: builds an ONNX model's graph, one operator after the other.

The ONNX export uses it: ``onnx_layers`` writes a T5's layers with it, ``onnx_bert`` a BERT's.
Written by hand because the exporters trace Python, and what is wanted here is as few operators a
step as possible. onnxscript's builder takes much the same calls, for two more packages and about a
second to import them. Example: ``graph.op("MatMul", "hidden", graph.constant("w", weights))`` is
the name of the product.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
"""Old enough for every converter in use, new enough for all that is needed."""

_ELEMENTS = {
    "float": TensorProto.FLOAT,
    "int64": TensorProto.INT64,
}
INT64 = int(TensorProto.INT64)
FLOAT = int(TensorProto.FLOAT)
INT32 = int(TensorProto.INT32)
FUSED = "com.microsoft"
"""Domain of ONNX Runtime's own operators, each of which does the work of several."""

Shape = Sequence[int | str]
"""Sizes, and names for those that are only known when the graph runs."""


class Graph:
    """Nodes, inputs, outputs and constants of one graph."""

    def __init__(self, name: str) -> None:
        """Start an empty graph."""
        self.name = name
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._renamings: dict[str, str] = {}
        self._count = 0

    def input(self, name: str, element: str, shape: Shape) -> str:
        """Declare an input and return its name."""
        self._inputs.append(helper.make_tensor_value_info(name, _ELEMENTS[element], shape))
        return name

    def output(self, value: str, name: str, element: str, shape: Shape) -> None:
        """Hand ``value`` out as ``name``; for what is computed here, ``name`` is its only name."""
        value = self._renamings.get(value, value)
        if not self._renamed(value, name):
            self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, _ELEMENTS[element], shape))

    def constant(self, name: str, array: NDArray[np.generic]) -> str:
        """Return the name of a constant, which is kept once for every use."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.asarray(array, order="C"), name)
        return name

    def integers(self, *values: int) -> str:
        """Return a constant list of int64."""
        name = "ints_" + "_".join(str(value) for value in values).replace("-", "m")
        return self.constant(name, np.array(values, dtype=np.int64))

    def integer(self, value: int) -> str:
        """Return a constant int64 without dimensions."""
        return self.constant(f"int_{value}".replace("-", "m"), np.array(value, dtype=np.int64))

    def number(self, value: float) -> str:
        """Return a constant float without dimensions."""
        return self.constant(f"number_{value}", np.array(value, dtype=np.float32))

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator with one output and return that output's name."""
        return self.ops(kind, inputs, 1, **attributes)[0]

    def ops(self, kind: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[str]:
        """Add an operator and return the names of its outputs."""
        names = [self._fresh(kind) for _ in range(outputs)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def graph(self) -> onnx.GraphProto:
        """Return what was written."""
        return helper.make_graph(
            self._nodes,
            self.name,
            self._inputs,
            self._outputs,
            initializer=list(self._constants.values()),
        )

    def model(self, notes: Mapping[str, str] = MappingProxyType({})) -> onnx.ModelProto:
        """Return the graph as a checked model, with notes for whoever runs it."""
        model = helper.make_model(
            self.graph(),
            opset_imports=[
                helper.make_opsetid("", OPSET),
                *([helper.make_opsetid(FUSED, 1)] if self._is_fused else []),
            ],
            producer_name="todserve",
            ir_version=8,
        )
        if notes:
            helper.set_model_props(model, dict(notes))
        onnx.checker.check_model(model, full_check=True)
        return model

    @property
    def _is_fused(self) -> bool:
        return any(node.domain == FUSED for node in self._nodes)

    def _renamed(self, value: str, name: str) -> bool:
        """Give a node's output another name, if nothing but this graph's own nodes knows it."""
        given = {one.name for one in self._outputs}
        makers = [node for node in self._nodes if value in node.output]
        if not makers or value in given:
            return False
        for node in self._nodes:
            for names in (node.input, node.output):
                for place, one in enumerate(names):
                    if one == value:
                        names[place] = name
        self._renamings[value] = name
        return True

    def _fresh(self, kind: str) -> str:
        self._count += 1
        return f"{self.name}_{kind.lower()}_{self._count}"
