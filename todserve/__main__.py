"""``python -m todserve`` is the command ``tod``."""

from todserve.cli.main import main

if __name__ == "__main__":
    main()
