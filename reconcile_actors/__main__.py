"""`python -m reconcile_actors` is the command `reconcile-actors`."""

from reconcile_actors.cli.main import main

if __name__ == "__main__":
    main()
