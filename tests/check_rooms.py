"""Compare the rooms' imports with `rooms.toml`: exit 1 and a line for each edge that is not allowed."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "tiderace-"


def main() -> int:
    rooms = tomllib.loads((ROOT / "rooms.toml").read_text())["rooms"]
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--locked"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    faults = list(faults_of_table(rooms))
    names = set()
    for package in metadata["packages"]:
        name = package["name"].removeprefix(PREFIX)
        names.add(name)
        if name not in rooms:
            faults.append(f"{name}: not in rooms.toml; give it a rank")
            continue
        for dependency in package["dependencies"]:
            other = dependency["name"].removeprefix(PREFIX)
            is_room = dependency["name"].startswith(PREFIX)
            if is_room and dependency["kind"] != "dev" and other not in rooms[name]["may_import"]:
                faults.append(f"{name} imports {other}; allowed: {rooms[name]['may_import']}")
    faults += [
        f"{name}: in rooms.toml, but there is no such crate" for name in rooms.keys() - names
    ]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(names)} rooms, {len(faults)} imports that are not allowed")
    return 1 if faults else 0


def faults_of_table(rooms: dict) -> list[str]:
    faults = []
    for name, room in rooms.items():
        for other in room["may_import"]:
            if other not in rooms or rooms[other]["rank"] >= room["rank"]:
                faults.append(f"{name} may not import {other}: only lower ranks")
    return faults


if __name__ == "__main__":
    sys.exit(main())
