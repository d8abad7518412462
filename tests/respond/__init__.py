"""The public pages, used as customers use them."""
