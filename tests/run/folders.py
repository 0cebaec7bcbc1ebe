"""Where things are: the checkout, and the git-ignored folder that holds everything the runs create."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
