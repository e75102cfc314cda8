"""The model hub: what it has, and how its files come to this machine."""
