"""The card of a data set: what the hub shows of it."""
