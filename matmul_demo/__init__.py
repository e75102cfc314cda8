"""One matrix product, many ways to compute it, timed live against the machine's own limit.

Imports run downwards: `workloads` → `machine` → `lanes` → `racing` → `einsum` → `web` and `cli`.
"""
