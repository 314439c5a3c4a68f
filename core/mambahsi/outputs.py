"""Files that appear whole or not at all.

A job that is cancelled, killed or runs out of disk must not leave half a map under the name
that the user chose, nor destroy the map that was there before. So every output is written
under a temporary name in the folder where it will live (a rename within a folder needs no
copying), and only when *all* outputs of the job are complete are they renamed, last and
together. If one of those renames fails, as on Windows when the old file is still open in a
program, the ones already done are undone.

A raster is more than one file: statistics, overviews, a style and an attribute table may lie
beside it. These *companions* follow the raster: what the job wrote replaces the old one, and
what it did not write is removed, because overviews or names of an earlier map would be shown
with the new one.

Temporary names are ``.mambahsi-PID-TOKEN-NAME``, with a token of eight characters. Whoever
has to kill an engine process can therefore remove what that process left. (An old file that
is about to be replaced is called ``.mambahsi-PID-TOKEN.old-NAME`` for a moment; that one is
not to be removed.)
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol

from mambahsi.errors import OutputError
from mambahsi.output_checks import check_target, identity, is_read_by

Companions = Callable[[Path], Sequence[Path]]
"""Names, for a path, the files that belong to it."""

_TEMPORARY = re.compile(r"\.mambahsi-\d+-[0-9a-f]{8}-(.+)", re.DOTALL)
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


_confined_to: Path | None = None


@contextmanager
def confined_to(folder: Path) -> Iterator[None]:
    """Refuse every output outside of a folder, for a while.

    For a job that was written by somebody else, or for other places.
    """
    global _confined_to
    _confined_to = folder.resolve()
    try:
        yield
    finally:
        _confined_to = None


class Temporary(Protocol):
    """Something on disk that is to be gone when the process is ended before its time."""

    def remove_all(self) -> None:
        """Remove it; may be called from any thread, at any time, again."""


_open: set[Temporary] = set()


def watch(temporary: Temporary) -> None:
    """Have :func:`remove_all` remove something that is no output."""
    _open.add(temporary)


def unwatch(temporary: Temporary) -> None:
    """Forget what :func:`watch` was told, because it is gone."""
    _open.discard(temporary)


def remove_all() -> None:
    """Remove everything temporary that this process has written and not yet renamed.

    For a watchdog that is about to end the process: afterwards nothing is renamed any more,
    and what was being renamed is in place.
    """
    for temporary in list(_open):
        temporary.remove_all()


def style_path(raster: Path) -> Path:
    """Where QGIS looks for the default style of a raster: ``map.tif`` -> ``map.qml``."""
    return raster.with_suffix(".qml")


def attributes_path(raster: Path) -> Path:
    """Where GDAL looks for what the raster itself cannot hold: ``map.tif.aux.xml``."""
    return raster.with_name(raster.name + ".aux.xml")


def raster_companions(raster: Path) -> tuple[Path, ...]:
    """The files that GDAL and QGIS read together with a raster."""
    beside = [raster.with_name(raster.name + suffix) for suffix in (".ovr", ".msk")]
    return (attributes_path(raster), style_path(raster), *beside)


def final_path(path: Path) -> Path:
    """The path that the user knows, for a temporary path or for one that already is final."""
    match = _TEMPORARY.fullmatch(path.name)
    return path.with_name(match.group(1)) if match else path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn failures of the file system, while ``path`` is written, into named errors.

    Raises:
        OutputError: An ``OSError`` was raised inside; the message names the final path.
    """
    try:
        yield
    except OSError as error:
        raise _named(final_path(path), error) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file and see it safely on disk.

    Raises:
        OutputError: It cannot be written.
    """
    with writing(path), path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


class OutputFiles:
    """The outputs of one job.

    Use it as a context manager around the job. Leaving it normally renames everything into
    place; leaving it by an exception removes everything that was written::

        with OutputFiles(inputs=[job.scene.path]) as outputs:
            path = outputs.add_raster(job.classification)
            ...  # write to path

    Args:
        inputs: What the job reads, as GDAL source strings; no output may replace one of them.
    """

    def __init__(self, inputs: Iterable[str | os.PathLike[str]] = ()) -> None:
        self._inputs = [os.fspath(source) for source in inputs]
        self._prefix = f".mambahsi-{os.getpid()}-{secrets.token_hex(4)}"
        self._entries: list[tuple[Path, Companions]] = []
        # Held while files change their names, so that a watchdog that ends the process waits
        # for the few renames instead of cutting them in two.
        self._lock = threading.RLock()
        self._closed = False
        _open.add(self)

    def __enter__(self) -> OutputFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._commit()
        finally:
            self.remove_all()

    def add(self, path: str | os.PathLike[str], companions: Companions = lambda _: ()) -> Path:
        """Check that an output can be written, and say where to write it for now.

        Args:
            path: Where the user wants the file.
            companions: Names the files that belong to it. Whatever of them exists beside the
                temporary file in the end is renamed with it; others of that name are removed.

        Returns:
            The temporary path: same folder, same extension. Nothing exists there yet.

        Raises:
            OutputError: The folder is missing or read-only, the path is a folder or a
                special file, the file is locked or write-protected, or it is one of the
                inputs or of the outputs added before.
        """
        text = os.fspath(path)
        if not text.strip() or "\0" in text:
            raise OutputError(f"Not a file name: {text!r}.", "Choose a file to write to.")
        self._check_open()
        final = Path(text).absolute()
        if _confined_to is not None and not final.parent.resolve().is_relative_to(_confined_to):
            raise OutputError(
                f"{final}: this job may write into {_confined_to} only.",
                "Choose a file in that folder.",
            )
        temporary = self._temporary(final)
        with writing(final):
            targets = [final, *companions(final)]
            for target in targets:
                check_target(target)
            self._check_conflicts(targets)
            # The surest way to know whether a folder takes a file is to put one there.
            temporary.touch(exist_ok=False)
            temporary.unlink()
        self._entries.append((final, companions))
        return temporary

    def add_raster(self, path: str | os.PathLike[str]) -> Path:
        """:meth:`add` for a GeoTIFF, which :func:`raster_companions` belong to."""
        return self.add(path, raster_companions)

    @property
    def inputs(self) -> list[str]:
        """What the job reads, as GDAL source strings."""
        return list(self._inputs)

    def added(self) -> list[tuple[Path, Path]]:
        """Final and temporary path of every output, companions apart, in the order of adding."""
        return [(final, self._temporary(final)) for final, _ in self._entries]

    def remove_all(self) -> None:
        """Remove everything temporary; may be called from any thread, at any time, again.

        After a successful end it does nothing; before it, nothing can be renamed into place
        any more.
        """
        _open.discard(self)
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for final, companions in self._entries:
                temporary = self._temporary(final)
                for path in (temporary, *companions(temporary)):
                    with suppress(OSError):
                        path.unlink(missing_ok=True)

    def _temporary(self, final: Path) -> Path:
        return final.with_name(f"{self._prefix}-{final.name}")

    def _aside(self, final: Path) -> Path:
        return final.with_name(f"{self._prefix}.old-{final.name}")

    def _check_open(self) -> None:
        if self._closed:
            raise OutputError("The outputs were removed because the job was stopped.")

    def _check_conflicts(self, targets: Sequence[Path]) -> None:
        for source in self._inputs:
            for target in targets:
                if is_read_by(source, target):
                    raise OutputError(
                        f"{targets[0]}: the output would overwrite an input, {source}.",
                        "Choose another file to write to.",
                    )
        taken = {
            identity(path): final
            for final, companions in self._entries
            for path in (final, *companions(final))
        }
        for target in targets:
            if identity(target) in taken:
                raise OutputError(
                    f"{targets[0]}: the output would overwrite another output, "
                    f"{taken[identity(target)]}.",
                    "Give every output a name of its own.",
                )

    def _commit(self) -> None:
        """Rename everything into place, or restore what was there."""
        moves = self._moves()
        for temporary, _ in moves:
            if temporary is not None:
                _flush(temporary)
        with self._lock:
            self._check_open()
            undo: list[tuple[Path, Path]] = []
            try:
                for temporary, target in moves:
                    with writing(target):
                        self._move(temporary, target, undo)
            except BaseException:
                for now, before in reversed(undo):
                    with suppress(OSError):
                        now.replace(before)
                raise
            self._closed = True
        for _, target in moves:
            # The new files are in place; an old one that cannot be removed harms nobody.
            with suppress(OSError):
                self._aside(target).unlink(missing_ok=True)

    def _moves(self) -> list[tuple[Path | None, Path]]:
        """What is to be renamed to what; nothing to a file that is to be removed."""
        moves: list[tuple[Path | None, Path]] = []
        for final, companions in self._entries:
            temporary = self._temporary(final)
            if not temporary.exists():
                raise OutputError(f"{final}: nothing was written.")
            moves.append((temporary, final))
            for source, target in zip(companions(temporary), companions(final), strict=True):
                if source.exists():
                    moves.append((source, target))
                elif os.path.lexists(target):
                    moves.append((None, target))
        return moves

    def _move(self, temporary: Path | None, target: Path, undo: list[tuple[Path, Path]]) -> None:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "there is a folder of that name")
        if os.path.lexists(target):
            aside = self._aside(target)
            target.replace(aside)
            undo.append((aside, target))
        if temporary is not None:
            temporary.replace(target)
            undo.append((target, temporary))


def _flush(path: Path) -> None:
    """See a file safely on disk: some file systems report that they are full only now."""
    with writing(path), path.open("rb+") as file:
        os.fsync(file.fileno())


def _named(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return OutputError(
            f"{path}: the disk is full ({reason}).", "Free some space or choose another folder."
        )
    # A file that is not there yet cannot be locked: it is the folder that takes none.
    missing = not os.path.lexists(error.filename or path)
    if error.errno == errno.EROFS or (isinstance(error, PermissionError) and missing):
        return OutputError(
            f"{path}: the folder cannot be written to ({reason}).", "Choose another folder."
        )
    if isinstance(error, PermissionError):
        return OutputError(
            f"{path}: the file is locked ({reason}).",
            "Close the layer or program that has it open, or choose another file.",
        )
    return OutputError(f"{path}: cannot be written ({reason}).", "Choose another file.")
