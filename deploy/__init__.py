"""Checks that a Space can be made of this project by pushing it, and that its requirements hold.

`make space` and `make versions`; never imported by the app.
"""
