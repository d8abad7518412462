"""The rules, tested as values in and values out: no application, no database, no clock."""
