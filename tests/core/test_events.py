"""The event stream, and what failures are called in it."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambahsi import cancellation
from mambahsi.errors import Cancelled, MambaHSIError, ResourceError, SceneError
from mambahsi.events import EventFeedback, describe_failure, plain
from mambahsi.installer.causes import InstallError
from mambahsi.jobs import JobError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text().filter(lambda key: key != "event"), VALUES))
def test_every_result_is_one_line_of_strict_json(values: dict[str, object]) -> None:
    stream = io.StringIO()
    EventFeedback(stream).result(values)
    text = stream.getvalue()
    assert text.endswith("\n") and text.count("\n") == 1
    told = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert told == {"event": "result", **plain(values)}


def test_figures_of_numpy_and_undefined_ones() -> None:
    values = {"a": np.float32(0.5), "b": np.int64(3), "c": float("nan"), "d": Path("x")}
    assert plain(values) == {"a": 0.5, "b": 3, "c": None, "d": "x"}


def test_progress_comes_now_and_then_but_its_end_always() -> None:
    stream = io.StringIO()
    feedback = EventFeedback(stream)
    for step in range(1001):
        feedback.progress(step / 1000, "busy")
    told = [json.loads(line)["fraction"] for line in stream.getvalue().splitlines()]
    assert told[0] == 0 and told[-1] == 1 and len(told) < 20


def test_a_reader_that_is_gone_cancels() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        EventFeedback(stream).log("is anybody there?")
        assert cancellation.requested()
        # What could not be written must not fail again when the file is closed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (SceneError("broken", "mend it"), "scene", 1),
        (JobError("no job"), "job", 2),
        (Cancelled(), "cancelled", 130),
        (KeyboardInterrupt(), "cancelled", 130),
        (MemoryError(), "resource", 1),
        (np._core._exceptions._ArrayMemoryError((9,), np.dtype("f8")), "resource", 1),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate"), "resource", 1),
        (RuntimeError("something else"), "internal", 70),
        (OSError(errno.EIO, "bad disk"), "internal", 70),
        (SystemExit(3), "internal", 70),
    ],
)
def test_failures_have_a_stable_code(error: BaseException, code: str, status: int) -> None:
    found, message, _, exit_status = describe_failure(error)
    assert (found, exit_status) == (code, status)
    assert message


def test_every_named_error_keeps_its_words() -> None:
    # The code of a failed installation names its cause, too.
    assert describe_failure(InstallError("tls", "what", "do this"))[:3] == (
        "install-tls",
        "what",
        "do this",
    )
    for kind in {*MambaHSIError.__subclasses__(), ResourceError} - {InstallError}:
        code, message, hint, _ = describe_failure(kind("what", "do this"))
        assert (code, message, hint) == (kind.code, "what", "do this")
