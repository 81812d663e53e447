"""`python -m deploy.render.dashboards FOLDER`: the dashboards for the targets of one's own deskpulse.toml, in a folder of one's own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.render.dashboards.files import DASHBOARDS, NotInstalled, files
from services.settings import load_settings
from services.settings_errors import ConfigError


def main(arguments: list[str] | None = None) -> int:
    """Render; the exit code: 2 when the settings cannot be read or the generator is not installed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.render.dashboards", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the dashboards are written")
    parser.add_argument("--config", type=Path, help="the settings; else those that DESKPULSE_CONFIG names, or ./deskpulse.toml")
    given = parser.parse_args(arguments)
    try:
        made = files(targets=load_settings(given.config).targets)
    except (ConfigError, NotInstalled) as error:
        print(error, file=sys.stderr)
        return 2
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        if name.startswith(DASHBOARDS):
            file = given.folder / Path(name).name
            file.write_text(text, encoding="utf-8", newline="\n")
            print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
