"""Look for phrases that sound translated: python style.py [FILE ...]. The default is everything that people read.

Of Python files, comments and strings are read; of others, every line.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
VOCABULARY = Path(__file__).with_name("vocabulary.txt")
READ = (
    "*.md",
    "*.toml",
    ".github/**/*.yml",
    "Makefile",
    "docs/**/*.md",
    "docs/**/*.rst",
    "extensions/**/*.md",
    "extensions/**/*.py",
    "extensions/**/*.yml",
    "playbooks/**/*.yml",
    "plugins/**/*.py",
    "roles/**/*.md",
    "roles/**/*.yml",
    "tests/run/*.py",
    "tests/simulator/**/*.md",
    "tests/simulator/**/*.py",
)


class Rule(NamedTuple):
    """A phrase, and what to write instead."""

    phrase: re.Pattern[str]
    better: str


def rules(text: str) -> list[Rule]:
    """The rules of a vocabulary."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pairs = [line.partition(" -> ") for line in lines]
    return [Rule(re.compile(phrase, re.IGNORECASE), better) for phrase, _arrow, better in pairs]


def prose(name: str, text: str) -> Iterator[tuple[int, str]]:
    """Line numbers and texts that people read; a comment or paragraph over several lines is one text."""
    if not name.endswith(".py"):
        yield from paragraphs(enumerate(text.splitlines(), 1))
        return
    comments: list[tuple[int, str]] = []
    strings = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments.append((token.start[0], token.string.lstrip("# ")))
        elif token.type in strings:
            yield from paragraphs(enumerate(token.string.splitlines(), token.start[0]))
    yield from paragraphs(comments)


def paragraphs(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Neighboring lines joined, because a phrase may begin on one line and end on the next."""
    start, parts = 0, list[str]()
    for number, line in lines:
        text = re.sub(r"^[#\s]+", "", line).strip()
        new = not text or re.match(r"[-*|.:]|\w+:( |$)", text) or number != start + len(parts)
        if parts and new:
            yield start, " ".join(parts)
            parts = []
        if text:
            start = start if parts else number
            parts.append(text)
    if parts:
        yield start, " ".join(parts)


def found(name: str, text: str, vocabulary: Iterable[Rule]) -> Iterator[str]:
    """One sentence for each phrase that should be rewritten."""
    vocabulary = list(vocabulary)
    for number, part in prose(name, text):
        for rule in vocabulary:
            for match in rule.phrase.finditer(part):
                yield f'{name}:{number}: "{match.group()}": {rule.better}'


def files(patterns: Iterable[str] = READ) -> list[Path]:
    """The files that git knows or would add, of those that are read."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    command = [*listed, *(f":(glob){each}" for each in patterns)]
    listing = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode()
    return [path for name in sorted(set(filter(None, listing.split("\0")))) if (path := ROOT / name).is_file()]


def spelled() -> list[Path]:
    """The files whose spelling is checked."""
    return files([*READ, "changelogs/**/*.yml", "tests/**/*.py"])


def pages() -> list[Path]:
    """The pages whose prose is checked."""
    return files(["*.md", "docs/**/*.md", "docs/**/*.rst", "roles/*/README.md", "extensions/**/*.md", "tests/**/*.md"])


def main() -> int:
    """Print what was found; return 1 if there is anything."""
    vocabulary = rules(VOCABULARY.read_text(encoding="utf-8"))
    count = 0
    for path in [Path(name).resolve() for name in sys.argv[1:]] or files():
        name = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
        for sentence in found(name, path.read_text(encoding="utf-8"), vocabulary):
            print(sentence)
            count += 1
    print(f"{count} phrases to rewrite (tests/run/vocabulary.txt)" if count else "no phrase to rewrite")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
