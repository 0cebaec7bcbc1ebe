"""Import an artifact as Galaxy does, and check that it found the patterns: import_artifact.py ARTIFACT PATTERN..."""

import logging
import sys

from galaxy_importer import collection, config


def main() -> int:
    """Return 1 when a pattern was left out, which the importer itself only warns about."""
    artifact, *patterns = sys.argv[1:]
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO, stream=sys.stdout)
    settings = config.Config(config_data=config.ConfigFile.load())
    with open(artifact, "rb") as file:
        found = collection.import_collection(file, logger=logging.getLogger("importer"), cfg=settings)
    indexed = sorted(pattern["name"] for pattern in found["patterns"])
    if indexed != patterns:
        print(f"Patterns in the artifact: {patterns}. Indexed by galaxy-importer: {indexed}.")
    return int(indexed != patterns)


if __name__ == "__main__":
    sys.exit(main())
