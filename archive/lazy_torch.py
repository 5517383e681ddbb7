"""Keeps PyTorch out of a worker that does not use it.

Travels at the root of an archive whose engine needs no PyTorch, beside sitecustomize.py, which
imports it before anything else runs. TorchServe's message handler says ``import torch`` at the top,
for answers that are tensors; ours are bytes. With this file the import costs nothing until someone
touches ``torch``; then it is loaded, as always.
"""

import importlib.util
import sys
import types


class _Untouched(types.ModuleType):
    """A module that runs its code at the first use of anything in it.

    The standard library's LazyLoader does that too, but takes the import statement itself, which
    reads ``__spec__`` of a module it finds loaded, for such a use.
    """

    def __getattribute__(self, name):
        if name in ("__spec__", "__name__", "__class__", "__dict__"):
            return super().__getattribute__(name)
        spec = super().__getattribute__("__spec__")
        self.__class__ = types.ModuleType
        spec.loader.exec_module(self)
        return getattr(self, name)


def _import_when_touched(name):
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    if spec is not None:
        module = importlib.util.module_from_spec(spec)
        module.__class__ = _Untouched
        sys.modules[name] = module


_import_when_touched("torch")
