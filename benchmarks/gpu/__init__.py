"""How fast and how large MambaHSI is on a graphics card, beside the published formulation.

    python -m benchmarks.gpu                        (everything, on an idle card)
    python -m benchmarks.gpu --only kernels network
    python -m benchmarks.gpu --limit 300            (what can be measured in so many seconds)
    python -m benchmarks.gpu --small --device cpu   (tiny sizes: whether it all runs)

Every part measures one question in a process of its own, so that a kernel that breaks the card's
context, or needs too much memory, costs one part and not the run. The whole is written as one
table, ``gpu.md``, and as ``gpu.json``, in the folder that ``--out`` names.

*Upstream* is the published network (:mod:`benchmarks.common.formulation`) around mamba-ssm's own
``Mamba``. That package has to be built for the card; :mod:`benchmarks.gpu.upstream` does it from
a source distribution, and where it cannot, the rows say why.

Durations are medians of rounds in which all contenders run in turn, A B C A B C, after a warm-up,
taken with the card's own events. Beside each stand *floors*: what the same card needs at least for
the traffic, the products and the exponentials, by rates that the same process has just measured.
Memory is the peak of what PyTorch has allocated on the card.
"""
