"""What a worker's Python runs before anything else.

Travels at the root of every archive: TorchServe puts that folder on its worker's path, and Python
imports a module of this name by itself. Also where ``torchserve --start`` is called by hand.
"""

import importlib.util
import os

# Threads of PyTorch that wait for one another spin by default; where other processes have work
# too, one thread that waits for its core then holds up all. Read when PyTorch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if importlib.util.find_spec("lazy_torch") is not None:
    importlib.import_module("lazy_torch")
