"""Tests of the server around the app."""
