"""The Triton kernels. To import them imports Triton, and settles whether it interprets them."""
