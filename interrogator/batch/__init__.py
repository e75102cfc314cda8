"""Many pictures: a source is read, worked off in batches, and written; resumed, exactly once."""
