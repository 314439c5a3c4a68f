"""The folder of one run: what it writes, and all that it takes to resume it.

Every run has a folder of its own, named by scene and time, so nothing is ever overwritten. While
the run is not finished, ``unfinished`` inside it holds the job and copies of what QGIS alone
can read: the training polygons as they were when the run began, edits not saved included. A run
can therefore be resumed when its layers have been edited or removed, the project has been closed,
or QGIS was ended; and the engine, which compares pixels and labels with those of the checkpoint,
finds the same ones. Which step comes next is told by the files that are there.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Optional

from qgis.core import QgsProcessingException
from qgis.PyQt.QtCore import QLockFile

from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.gui.training.checkpoint import read_curves
from mambahsi_qgis.translation import tr

_STAMP = "%Y-%m-%d_%H%M%S"
_NAME = re.compile(r".+_(\d{4}-\d\d-\d\d_\d{6})(?:_(\d+))?")
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_LONGEST = 60
"""Characters of a scene's name that names of files take."""


@dataclass(frozen=True)
class RunFolder:
    """Where the files of a run lie.

    Attributes:
        path: The folder.
    """

    path: Path

    @classmethod
    def create(cls, base: Path, scene: str, now: datetime) -> RunFolder:
        """Make a folder for a new run.

        Args:
            base: Folder to make it in.
            scene: Name of the scene.
            now: Time of its beginning.

        Raises:
            OSError: It cannot be made.
        """
        stem = f"{file_name(scene)}_{now.strftime(_STAMP)}"
        number = 1
        while True:
            folder = cls(base / (stem if number == 1 else f"{stem}_{number}"))
            try:
                folder.path.mkdir()
            except FileExistsError:
                number += 1
                continue
            folder.unfinished.mkdir()
            return folder

    @property
    def scene(self) -> str:
        """Name of the scene, as far as file names take it."""
        found = _NAME.fullmatch(self.path.name)
        return self.path.name[: found.start(1) - 1] if found else self.path.name

    @property
    def begun(self) -> Optional[datetime]:
        """When the run was begun."""
        found = _NAME.fullmatch(self.path.name)
        return datetime.strptime(found.group(1), _STAMP) if found else None

    @property
    def model(self) -> Path:
        """The model file."""
        return self.path / f"{self.scene}_model.safetensors"

    @property
    def classification(self) -> Path:
        """The land-cover map."""
        return self.path / f"{self.scene}_land_cover.tif"

    @property
    def confidence(self) -> Path:
        """The confidence of the map."""
        return self.path / f"{self.scene}_confidence.tif"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / f"{self.scene}_report.html"

    @property
    def checkpoint(self) -> Path:
        """The state of a training that is not finished."""
        return self.model.with_name(f"{self.model.name}.checkpoint")

    @property
    def unfinished(self) -> Path:
        """What a run needs until it is finished."""
        return self.path / "unfinished"

    @property
    def _job(self) -> Path:
        return self.unfinished / "training.json"

    def lock(self) -> QLockFile:
        """What keeps another QGIS from running the same run."""
        lock = QLockFile(str(self.unfinished / "lock"))
        lock.setStaleLockTime(0)  # stale only if its process is gone
        return lock

    def keep(self, job: Any) -> None:
        """Keep the job, to resume it.

        Args:
            job: A ``TrainAndClassifyJob``.

        Raises:
            OSError: It cannot be written.
        """
        text = json.dumps(jobs.to_json(job), ensure_ascii=False, indent=1)
        self._job.write_text(text, encoding="utf-8")

    def kept(self) -> Any:
        """The job that was kept.

        Raises:
            QgsProcessingException: It cannot be read.
        """
        try:
            return jobs.from_json(json.loads(self._job.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise QgsProcessingException(
                tr("{} cannot be read, so this training cannot go on: {}").format(self._job, error)
            ) from error

    def next_job(self) -> Any:
        """What is left to do of the job that was kept.

        Raises:
            QgsProcessingException: The job cannot be read.
        """
        job = self.kept()
        if not self.model.is_file():
            resume = self.checkpoint.is_file()
            return dataclasses.replace(job, train=dataclasses.replace(job.train, resume=resume))
        # The training is complete: its model stays, whatever became of the map.
        train = job.train
        shared = [f.name for f in dataclasses.fields(jobs.ClassifyJob)]
        fields = {n: getattr(train, n) for n in shared if hasattr(train, n)}
        fields.update({n: getattr(job, n) for n in shared if hasattr(job, n)})
        return jobs.ClassifyJob(**fields)

    def can_resume(self) -> bool:
        """Whether a run was begun here that left something to go on from."""
        return self._job.is_file() and (self.checkpoint.is_file() or self.model.is_file())

    def curves(self) -> list[dict[str, Any]]:
        """Figures of the epochs in the checkpoint."""
        return read_curves(self.checkpoint)

    def finish(self) -> None:
        """Remove what a finished run does not need any more."""
        shutil.rmtree(self.unfinished, ignore_errors=True)

    def discard(self) -> None:
        """Remove a run that has left nothing; what somebody else put there stays."""
        self.finish()
        with suppress(OSError):
            self.path.rmdir()


def latest_run(base: Path) -> Optional[RunFolder]:
    """The run that was begun last in a folder, finished or not."""
    found = []
    with suppress(OSError), os.scandir(base) as entries:
        for entry in entries:
            name = _NAME.fullmatch(entry.name)
            if name and entry.is_dir():
                found.append(((name.group(1), int(name.group(2) or 1)), Path(entry.path)))
    return RunFolder(max(found)[1]) if found else None


def file_name(text: str) -> str:
    """The text as part of a file's name on any system; never empty."""
    return _FORBIDDEN.sub("_", text)[:_LONGEST].strip(" .") or "scene"
