"""The part of the build that pyproject.toml cannot say: the top-level files travel in the wheel."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
TRAVELS = (
    "config.properties",
    "handlers/*.py",
    "model_defs/*.py",
    "archive/*.*",
    "deploy/ray/*.yaml",
)


class BuildWithTorchServeFiles(build_py):
    """Copies the owner's top-level files into ``todserve/torchserve_files`` of what is built."""

    def run(self) -> None:
        """Build the package, then add the files; an editable install reads them at the root."""
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib) / "todserve" / "torchserve_files"
        shutil.rmtree(folder, ignore_errors=True)
        for path in sorted(path for pattern in TRAVELS for path in ROOT.glob(pattern)):
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


setup(cmdclass={"build_py": BuildWithTorchServeFiles})
