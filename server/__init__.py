"""What stands around the app while it serves: health, metrics, logs, limits, a clean end.

It knows the page's library and nothing of what the app computes but what is passed to it.
"""
