"""Picture → prompt: BLIP captions, CLIP ranks, and every phrase is explained."""
