"""The race: lanes timed in a worker process, and the report of what came out."""
