"""The one error of the race that a person can cause."""


class RaceError(ValueError):
    """Something a person can cause and mend; the message is a sentence for that person."""
