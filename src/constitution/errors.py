"""Every error that the library raises on purpose.

ConstitutionError
├── InputError              what the user gave is wrong: nothing was paid for (exit code 2)
│   ├── FileError           a file that people write, each problem with its place
│   │   ├── ConstitutionFileError
│   │   ├── PromptFileError
│   │   └── RunFileError
│   ├── TemplateError       a template that does not parse, or misbehaves when filled
│   ├── SettingsError       an option, or options that do not go together
│   └── SettingsChanged     a run folder was opened with other settings than its own
├── RecordError             one record cannot go on; the run does (the record becomes `failed`)
│   └── RequestRefused      the engine refused or broke on one request
├── EngineDeadError         the engine is gone; unfinished records stay pending
├── LimitReached            a run stopped at the most that it may pay for; it can go on
├── EngineStartError        the engine did not start; nothing was paid for
├── JudgeNotPassed          a judge did not pass its examination; no label was paid for
├── TooManyFailures         most chains of a run failed; it stopped early and can go on
├── PushError               the hub did not take a data set, whose folder is complete
└── StoreError              a run folder cannot be read, written or locked
    ├── RunLocked           another process works in this folder
    └── JournalCorrupt      a bad line in the middle of a journal
"""

from __future__ import annotations

from dataclasses import dataclass


class ConstitutionError(Exception):
    """Root of all errors raised on purpose."""


class InputError(ConstitutionError):
    """What the user gave is wrong; raised before any token is paid for."""


class JudgeNotPassed(ConstitutionError):
    """A judge did not pass its examination, and labels without one were not asked for; no label was paid for."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file, with its place."""

    file: str
    """Empty where it stands in no file, but was given as an option."""
    line: int
    """1-based; 0 where the whole file is meant."""
    column: int
    """1-based; 0 where the whole line is meant."""
    path: str
    """Place in the data, like `principles[2].weight`; empty for the whole file."""
    message: str
    """What is wrong, what was expected, and where useful how to mend it."""

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place += f":{self.line}"
            if self.column:
                place += f":{self.column}"
        return ": ".join(part for part in (place, self.path, self.message) if part)


class FileError(InputError):
    """A file has problems; all that were found, not only the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))

    def __reduce__(self) -> tuple[type[FileError], tuple[tuple[Problem, ...]]]:
        return (type(self), (self.problems,))


class ConstitutionFileError(FileError):
    """A constitution file is not valid."""


class PromptFileError(FileError):
    """A file of prompts is not valid."""


class RunFileError(FileError):
    """A run file is not valid."""


class TemplateError(InputError):
    """A template does not parse, asks for an unknown variable, or grows past its limit."""


class SettingsError(InputError):
    """An option has a bad value, or two options do not go together."""


class SettingsChanged(InputError):
    """A run folder was opened with settings that are not its own."""


class RecordError(ConstitutionError):
    """One record cannot go on; the others do."""


class RequestRefused(RecordError):
    """The engine refused one request, or broke on it, and still serves the others."""


class EngineDeadError(ConstitutionError):
    """The engine is gone. What it had not answered stays pending."""


class LimitReached(ConstitutionError):
    """What a run may pay for is paid. Unfinished records stay pending."""


class EngineStartError(ConstitutionError):
    """The engine did not start. The message names the mend."""


class TooManyFailures(ConstitutionError):
    """Most of the last chains of a run failed, so that it stopped. What is unfinished stays pending."""


class PushError(ConstitutionError):
    """The hub did not take a data set. Its folder is complete, and the message names the command that goes on."""


class StoreError(ConstitutionError):
    """A run folder cannot be read, written or locked."""


class RunLocked(StoreError):
    """Another process works in this run folder."""


class JournalCorrupt(StoreError):
    """A line in the middle of a journal is damaged; nothing was modified."""
