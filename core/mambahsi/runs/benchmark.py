"""A scene of the literature in, trainings with many seeds and one table out.

The result: ``scene``, ``folder``, ``tables`` (paths), ``done``,
``already_done``, ``left_to_others`` (numbers of runs), ``summary`` (a line for each protocol and
method).
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from mambahsi.benchmark.methods import method_fields, parse_methods, parse_seeds
from mambahsi.benchmark.prepare import prepare_scene
from mambahsi.benchmark.protocols import protocol_fields
from mambahsi.benchmark.run import Run, run_folder
from mambahsi.benchmark.scenes import SceneContent, SceneFolder, read_content
from mambahsi.benchmark.seed import do_run
from mambahsi.benchmark.summary import Group, read_groups
from mambahsi.benchmark.tables import as_csv, as_json, markdown, overall_text, seeds_text
from mambahsi.benchmark_scenes.fields import CLASS_FIELD, COLOR_FIELD, NAME_FIELD
from mambahsi.events import plain
from mambahsi.feedback import Feedback
from mambahsi.jobs import BenchmarkJob, RasterSource, TrainJob, VectorSource
from mambahsi.outputs import OutputFiles, write_bytes

PREPARING_SHARE = 0.02
TABLES = ("table.md", "table.csv", "table.json")


def benchmark(job: BenchmarkJob, feedback: Feedback) -> dict[str, Any]:
    """Do all runs that are missing, and write the tables of all that are there.

    Tables are written after every run, so that a look at them is possible at any time.

    Raises:
        JobError: A method, a seed or the protocol cannot be had.
        MambaHSIError: As of training and classification.
    """
    methods, seeds = parse_methods(job.methods), parse_seeds(job.seeds)
    place = prepare_scene(job, feedback.part(0.0, PREPARING_SHARE))
    content = read_content(place, feedback)
    runs = [make_run(job, place, method, seed) for method in methods for seed in seeds]
    ends: Counter[str] = Counter()
    for number, run in enumerate(runs):
        start, stop = (
            PREPARING_SHARE + (1 - PREPARING_SHARE) * n / len(runs) for n in (number, number + 1)
        )
        ends[do_run(run, content, job.redo, feedback.part(start, stop))] += 1
        groups = write_tables(place, content, feedback)
    feedback.progress(1.0, "Done")
    return {
        "scene": place.key,
        "folder": str(place.folder),
        "tables": [str(place.folder / name) for name in TABLES],
        "done": ends["done"],
        "already_done": ends["already done"],
        "left_to_others": ends["left to another process"],
        "summary": [
            f"{group.protocol}, {group.title}, seeds {seeds_text(group.seeds)}: "
            f"{overall_text(group)}"
            for group in groups
        ],
    }


def make_run(job: BenchmarkJob, place: SceneFolder, method: str, seed: int) -> Run:
    """One run of a benchmark."""
    folder = run_folder(place, job.protocol, method, seed)
    fields = {
        **protocol_fields(place.key, job.protocol, seed),
        **method_fields(method, place.key, job.epochs),
    }
    train = TrainJob(
        scene=RasterSource(str(place.scene)),
        labels=VectorSource(str(place.labels)),
        class_field=CLASS_FIELD,
        name_field=NAME_FIELD,
        color_field=COLOR_FIELD,
        model=str(folder / "model.safetensors"),
        report=str(folder / "report.html"),
        device=job.device,
        scan=job.scan,
        threads=job.threads,
        memory=job.memory,
        **fields,
    )
    return Run(place, job.protocol, method, train)


def write_tables(place: SceneFolder, content: SceneContent, feedback: Feedback) -> list[Group]:
    """Write the tables of all runs of a scene that are done; returns what they are about."""
    groups = read_groups(place, content, feedback)
    table = content.labels.table
    values = plain(as_json(place, groups, table))
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
    with OutputFiles() as files:
        for name, written in zip(
            TABLES,
            (markdown(place, groups, table), as_csv(groups, table), f"{text}\n"),
            strict=True,
        ):
            write_bytes(files.add(place.folder / name), written.encode())
    return groups
