"""What stays between pictures, and how long work is done for those who wait."""
