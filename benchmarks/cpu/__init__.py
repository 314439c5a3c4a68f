"""How fast and how large MambaHSI is on a plain CPU, beside what else there is.

    python -m benchmarks.cpu                        (everything, on an idle machine)
    python -m benchmarks.cpu --only network floor
    python -m benchmarks.cpu --small                (tiny sizes: whether it all runs)

Every part measures one question and keeps its answer in ``build/benchmarks/cpu/``, so a run
that was cut goes on where it was. The whole is written as one table, ``build/benchmarks/cpu.md``,
and as ``cpu.json``. The largest things needed are 12 GB of memory, for a training step of
mambapy, and 20 GB of disk space, for the streamed scene.

What is compared runs in processes of its own (:mod:`benchmarks.cpu.contender`), which hold
their network and their scene and wait to be told to run once. The parts tell them in turn,
A B C A B C, so that a machine that slows down does so for all of them. Figures are medians.
"""
