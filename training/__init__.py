"""Paints pictures and trains the embedded models on them. Never imported by the app."""
