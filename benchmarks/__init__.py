"""What is measured, each file printing a table and then one JSON line; fuzzing among it."""
