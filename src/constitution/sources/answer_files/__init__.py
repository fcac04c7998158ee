"""Files of answers that exist, with people's labels where they have some, whatever their columns are called."""

from constitution.sources.answer_files.files import AnswerFiles
from constitution.sources.answer_files.named import Named

__all__ = ["AnswerFiles", "Named"]
