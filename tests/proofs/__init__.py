"""Proofs with real processes: races, kills and outages, and an auditor that trusts nobody."""
