"""What the actions do to the tables."""
