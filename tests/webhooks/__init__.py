"""Webhooks, posted as services post them."""
