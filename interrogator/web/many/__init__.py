"""Many pictures on the page: a prompt for each, edited in bulk, taken home as text files."""
