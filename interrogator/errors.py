"""The one error of this package: what a person can cause, told in sentences."""


class InterrogatorError(Exception):
    """Something a person can put right.

    The message says what was wrong, what is allowed and what to do; it is shown as it is, on the
    page and on the command line. Everything else is a bug and stays a traceback in the log.
    """
