"""What the benchmarks of the processor and of the graphics card have in common.

The network in the published formulation, scenes, the least work of a pass, the machine, the
bar's aims, and the command that runs parts, keeps their results and writes one table.
"""
