"""A picture beside a vocabulary → a prompt."""
