"""The style checker finds what sounds translated, in every kind of file, and leaves plain English alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[2] / "tests" / "run"
sys.path.insert(0, str(RUN))
import style  # noqa: E402

RULES = style.rules((RUN / "vocabulary.txt").read_text(encoding="utf-8"))
BAD = [
    "This is no job.",
    "It was simply no success.",
    "Wait for the run that goes on.",
    "A job that runs already is attached to.",
    "The module ends while the job still runs.",
    "There is no error where the module has not come so far.",
    "The backup is under way.",
    "The server does not tell whether the schedule is enabled.",
    "It cannot be told which run it is.",
    "Options that make no sense are refused.",
    "Things are not as they must be.",
    "A wait of hours is no hang.",
    "The value wants to be a list.",
    "It is content when the server is done.",
    "Log on anew.",
    "A change that was cut short may show.",
    "The token is not valid any more.",
]
GOOD = [
    "There is no job called 'Web'.",
    "The token is no longer valid.",
    "The job is already running, so the module joins that run.",
    "The server does not say whether the schedule is enabled.",
    "The file is attached to the failure.",
]


@pytest.mark.parametrize("sentence", BAD)
def test_bad_sentences_are_found_in_every_kind_of_file(sentence: str) -> None:
    texts = {
        "guide.rst": f"Title\n=====\n\n{sentence}\n",
        "folded.md": sentence.replace(" ", "\n", 2),
        "play.yml": f"# {sentence}\n- name: Play\n",
        "comment.py": f"x = 1  # {sentence}\n",
        "message.py": f'fail("{sentence}")\n',
        "formatted.py": f'fail(f"{{x}} {sentence}")\n',
        "docstring.py": f'"""One.\n\n{sentence}\n"""\n',
    }
    for name, text in texts.items():
        assert list(style.found(name, text, RULES)), name


@pytest.mark.parametrize("sentence", GOOD)
def test_good_sentences_pass(sentence: str) -> None:
    assert not list(style.found("guide.rst", sentence, RULES))


def test_every_rule_has_a_sentence_that_it_finds() -> None:
    unused = [rule.phrase.pattern for rule in RULES if not any(rule.phrase.search(each) for each in BAD)]
    assert not unused


def test_names_in_code_are_not_prose() -> None:
    assert not list(style.found("code.py", "runs_already = under_way = 1\nif x is not None: pass\n", RULES))


def test_the_step_fails_and_names_file_and_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\nThe run goes on.\n", encoding="utf-8")
    done = subprocess.run([sys.executable, RUN / "style.py", page], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f'{page}:3: "goes on": continues, is in progress' in done.stdout
