"""The phrases that are ranked, and who and what may stand in a prompt."""
