"""The pictures: what they want to be handed is declared in ``readers``; they never see a table."""
