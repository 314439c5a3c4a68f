"""Products of the network, in float32 or with what goes into them rounded to bfloat16.

Mixed precision as trained networks bear it (Micikevicius et al. 2018, arXiv:1710.03740, with
bfloat16 in place of float16, whose range is that of float32, so no loss is scaled): the weights
that the optimizer changes stay float32, and are rounded anew for each product.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, precision: torch.dtype) -> Tensor:
    """``x weight^T + bias``.

    Args:
        x: (rows, inputs).
        weight: (outputs, inputs).
        bias: (outputs,), or None.
        precision: What x and the weight are rounded to, if they are float32. Sums are float32.

    Returns:
        (rows, outputs), in the type of x.
    """
    if precision == torch.float32 or x.dtype != torch.float32:
        return F.linear(x, weight, bias)
    y = F.linear(x.to(precision), weight.to(precision)).to(x.dtype)
    return y if bias is None else y + bias
