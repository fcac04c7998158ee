"""The examination of a judge before it labels: pairs whose better answer is known, what it is asked, what follows.

Pure: reading the sets is `sources`' business, asking is `run`'s, showing is `display`'s.
"""
