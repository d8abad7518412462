"""Words: languages, names, addresses as people write them."""
