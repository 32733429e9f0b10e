"""Draws the figures of ``benchmarks.edx_logs``: ``python -m benchmarks.picture [FOLDER]``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt

RESULTS = Path(__file__).parent / "results"
CALLED = {
    "copy": "bare \\copy into one jsonb column",
    "edx_tar_to_merged": "this loader, from the tar on S3 to merged",
    "pandas_to_sql": "pandas.to_sql",
    "s3_to_sql_operator": "S3ToSqlOperator",
    "dlt": "dlt",
}


def draw(results: Path) -> Path:
    """Draw the megabytes of lines that each takes in a second.

    :param results: the folder of the figures.
    :returns: the picture.
    """
    measured = {row["name"]: row for row in json.loads((results / "edx_logs.json").read_text())}
    rows = [(label, measured[name]) for name, label in CALLED.items() if name in measured]
    figure, axes = plt.subplots(figsize=(9, 0.5 * len(rows) + 1.2), layout="constrained")
    labels = [label for label, _ in rows]
    rates = [row["mb_per_s"] for _, row in rows]
    slow = [row["mb_per_s"] - row["bytes"] / 1e6 / row["seconds_max"] for _, row in rows]
    fast = [row["bytes"] / 1e6 / row["seconds_min"] - row["mb_per_s"] for _, row in rows]
    colours = ["#0072b2" if "this loader" in label else "#999999" for label in labels]
    bars = axes.barh(labels, rates, xerr=[slow, fast], color=colours, capsize=3)
    axes.bar_label(bars, [f"{rate:.1f}" for rate in rates], padding=6)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("MB of log lines a second: median, with the slowest and the quickest run")
    picture = results / "edx_logs.png"
    figure.savefig(picture, dpi=120)
    return picture


if __name__ == "__main__":
    print(draw(Path(sys.argv[1]) if sys.argv[1:] else RESULTS))
