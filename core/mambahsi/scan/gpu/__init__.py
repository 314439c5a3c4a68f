"""The selective scan as Triton kernels for NVIDIA GPUs: the ``triton`` backend.

Triton comes with PyTorch on Linux, so no kernel has to be compiled when the engine is
installed. It is imported with the kernels, and these not before the backend is asked for
(:func:`mambahsi.scan.available_backends`).
"""
