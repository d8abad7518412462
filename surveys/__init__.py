"""The rules: values in, value out. No clock, chance, database or web below here."""
