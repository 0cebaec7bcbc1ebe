"""The plot of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from processes import Figure

mpl.use("svg")
from matplotlib import pyplot


def draw(path: Path, by_jobs: Sequence[Figure], by_history: Sequence[Figure]) -> None:
    """Write an SVG: seconds and requests by the number of jobs, and by the size of the server's history."""
    mpl.rcParams.update({"svg.hashsalt": "benchmark", "font.size": 9})
    figure, axes = pyplot.subplots(2, 2, figsize=(9, 6.5), constrained_layout=True)
    panels = ((by_jobs, "jobs in one task"), (by_history, "runs of other jobs on the server"))
    for column, (figures, label) in enumerate(panels):
        for line, unit in enumerate(("seconds", "requests")):
            plot = axes[line][column]
            for who in dict.fromkeys(each.who for each in figures):
                mine = [each for each in figures if each.who == who]
                places = [int(each.what.split()[0]) for each in mine]
                plot.plot(places, [getattr(each, unit) for each in mine], marker="o", label=who)
            plot.set_xscale("symlog" if column else "log")
            plot.set_yscale("log")
            plot.set_xlabel(label)
            plot.set_ylabel(unit)
            plot.grid(alpha=0.3)
    axes[0][0].legend()
    figure.savefig(path, metadata={"Date": None})
