"""The ladder: one product, many ways to compute it, from a Python loop to the GPU's library."""
