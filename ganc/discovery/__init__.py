"""Channel groups of any network, read off what it computes."""
