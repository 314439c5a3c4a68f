"""The selective scan, the one recurrence that every Mamba block consists of.

For each channel d and state n of a sequence, with a step size that depends on the input,

    h[t] = exp(delta[t] A) h[t-1] + delta[t] B[t] u[t]
    y[t] = C[t] h[t] + D u[t]

(Gu and Dao 2023, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces",
arXiv:2312.00752, equations 1 and 2 with the zero-order hold of section 3.2 simplified for
B as in its published kernel). :func:`selective_scan` is the interface, the modules beside
it are its implementations, called backends. All of them give the same values and
gradients; :func:`resolve_backend` chooses one by device and availability.
"""

from __future__ import annotations

from mambahsi.scan.backends import available_backends, backend_problem, resolve_backend
from mambahsi.scan.interface import selective_scan
from mambahsi.scan.threads import set_threads, thread_count

__all__ = [
    "available_backends",
    "backend_problem",
    "resolve_backend",
    "selective_scan",
    "set_threads",
    "thread_count",
]
