"""The proof: what a constitution does to a model, measured by code that no model sees.

Data flows one way: runs (`constitution.api`) -> rows, one an answer or a pair -> figures -> claims -> the report.
"""
