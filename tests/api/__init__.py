"""The API, spoken to as services speak to it."""
