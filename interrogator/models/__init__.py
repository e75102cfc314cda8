"""Names of models → files → loaded models, kept and shared."""
