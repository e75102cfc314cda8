"""One matrix product, many ways to compute it, timed live against the machine's own limit.

The rooms, in the order in which they may import each other:
`machine`, `workloads` (with `digits`) → `strategies` → `timing`, `roofline` → `report` →
`messages` → `worker`, `race` → `text` → `chart` → `ui`, `__main__`.
"""
