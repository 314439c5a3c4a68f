"""Every error that the engine raises on purpose.

A user who meets one of these did something that can be put right, so each carries a
message that names the file, field or value, and a hint that says what to do. Their
``code`` is stable: it crosses the process boundary in an ``error`` event and scripts may
rely on it. Anything else that escapes the engine is a defect of ours.
"""

from __future__ import annotations


class MambaHSIError(Exception):
    """Base of the errors that are reported to the user as they are.

    Attributes:
        code: Stable, machine-readable kind of the error.
        exit_status: What the engine's process exits with.
        message: What went wrong, naming the file, field or value.
        hint: What to do about it; may be empty.
    """

    code = "error"
    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class SceneError(MambaHSIError):
    """A raster cannot be used: missing, corrupt, too small, rendered, no valid pixel."""

    code = "scene"


class LabelsError(MambaHSIError):
    """Labels cannot be used: missing, no such field, outside the scene, one class."""

    code = "labels"


class ModelError(MambaHSIError):
    """A model file cannot be used: truncated, foreign, too new, or of other bands."""

    code = "model"


class OutputError(MambaHSIError):
    """An output cannot be written: folder missing, read-only, full, file locked."""

    code = "output"


class ResourceError(MambaHSIError):
    """The job does not fit: memory, device, or disk space for temporary files."""

    code = "resource"


class TrainingError(MambaHSIError):
    """Training cannot go on, for example because the loss is no longer finite."""

    code = "training"


class RecordError(MambaHSIError):
    """A record cannot be repeated: damaged, too new, or its files are gone or changed."""

    code = "record"


class DifferentResultError(MambaHSIError):
    """A rerun gave another result, although nothing that the record tells has changed."""

    code = "different"


class Cancelled(MambaHSIError):
    """The user asked to stop."""

    code = "cancelled"
    exit_status = 130

    def __init__(self, message: str = "Cancelled.", hint: str = "") -> None:
        super().__init__(message, hint)
