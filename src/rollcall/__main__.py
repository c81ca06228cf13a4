"""`python -m rollcall`: the same as the `rollcall` command."""

from rollcall.cli import main

if __name__ == "__main__":
    main()
