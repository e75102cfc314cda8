"""Whatever a visitor sends as a picture → one safe RGB picture."""
