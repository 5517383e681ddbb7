"""``python -m todserve`` is the command ``tod``."""

import sys

from todserve.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
