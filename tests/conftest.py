import os

# Matrices of tests are small, and two runs share the cores: more threads would wait for each other.
# Before anything imports torch, which reads it once; what a test starts inherits it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import pytest

from tests.support.tiny_checkpoint import (
    MARKOV,
    PPTOD,
    write_tiny_bert_checkpoint,
    write_tiny_checkpoint,
)
from todserve.runtime.checkpoint import Checkpoint


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 of markov context, prompt in the decoder, writing updates. Read only."""
    return write_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "markov", MARKOV)


@pytest.fixture(scope="session")
def tiny_pptod_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in PPTOD's form: full history, prompt in the encoder, whole states. Read only."""
    return write_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "pptod", PPTOD)


@pytest.fixture(scope="session")
def tiny_bert_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose encoder is a BERT, in the shipped form: context exchange. Read only."""
    return write_tiny_bert_checkpoint(tmp_path_factory.mktemp("tiny") / "bert")


@pytest.fixture(params=["tiny_checkpoint", "tiny_pptod_checkpoint", "tiny_bert_checkpoint"])
def each_tiny_checkpoint(request: pytest.FixtureRequest) -> Path:
    """Each form and each kind of network, one after the other."""
    folder: Path = request.getfixturevalue(request.param)
    return folder


@pytest.fixture
def opened(tiny_checkpoint: Path) -> Checkpoint:
    """The tiny checkpoint without its network."""
    return Checkpoint.open(tiny_checkpoint)
