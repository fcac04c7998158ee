"""The proof: what a constitution does to a model, measured by code that no model sees.

Data flows one way: runs (`constitution.api`) -> rows, one an answer or a pair -> figures -> claims -> the report.
"""

from constitution.proof.proving import Sizes, prove
from constitution.proof.record import Proof

__all__ = ["Proof", "Sizes", "prove"]
