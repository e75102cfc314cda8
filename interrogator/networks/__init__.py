"""The two networks: BLIP writes captions, CLIP turns pictures and texts into vectors."""
