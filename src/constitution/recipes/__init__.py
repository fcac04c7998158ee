"""Recipes: methods of making data, each a generator over one record."""
