"""`python -m loyalty` is the command line. It needs the extra ``cli``."""

from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ["main"]

_OF_THE_EXTRA = frozenset({"typer", "rich", "click", "sqlalchemy", "tenacity"})


def main() -> None:
    """Run the command line, or say how to install what it needs."""
    try:
        for name in ("sqlalchemy", "tenacity"):  # found missing here, not after the log was read
            if find_spec(name) is None:
                raise ModuleNotFoundError(name=name)  # noqa: TRY301  # explained below, as if it were imported
        from loyalty.cli.app import app  # noqa: PLC0415  # imported here, so that its absence can be explained
    except ModuleNotFoundError as missing:
        name = (missing.name or "").partition(".")[0]
        if name not in _OF_THE_EXTRA:
            raise
        print(  # noqa: T201  # the command line prints
            f"The command line needs the extra 'cli' ({name} is not installed). "
            "Install it with: pip install 'loyalty-core[cli]'",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    app(prog_name="loyalty")


if __name__ == "__main__":
    main()
