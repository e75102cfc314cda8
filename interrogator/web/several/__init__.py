"""Several pictures on the page: one prompt that fits them all, and what does not fit which."""
