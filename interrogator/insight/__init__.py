"""What else can be asked of a picture than its prompt; each answer from what was looked at once."""
