"""From payload to events: signatures, mapping, envelopes."""
