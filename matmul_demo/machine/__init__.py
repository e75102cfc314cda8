"""What this machine can do at best: its processor, caches, memory and GPU, measured and kept."""
