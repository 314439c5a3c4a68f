"""Tests of GPU kernels in Triton's interpreter.

Whether kernels are interpreted is settled when Triton is imported, so these tests need a process
of their own. ``tests/core/test_interpreted.py`` starts one for each file here; by hand, it is
``TRITON_INTERPRET=1 python -m pytest tests/core/interpreted``. Any other run leaves them out.
"""

from __future__ import annotations

import os

import torch

if os.environ.get("TRITON_INTERPRET") == "1":
    # The interpreter computes in NumPy, in one thread.
    torch.set_num_threads(1)
else:
    collect_ignore_glob = ["test_*.py"]
