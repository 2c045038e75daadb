"""``python -m scaling``: the ``scaling`` command where no script is installed."""

from scaling.cli.main import main

if __name__ == "__main__":
    main()
