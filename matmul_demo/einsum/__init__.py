"""Einsum expressions: their grammar and limits, and what one means, costs and takes."""
