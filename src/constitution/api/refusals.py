"""Tags of answers that exist, in files and in runs, counted and held against people's labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any

import orjson
from rich.console import RenderableType

from constitution.api.run import Run
from constitution.display import draw
from constitution.display.refusals import refusals_page
from constitution.errors import InputError, SettingsError
from constitution.intervals import Interval
from constitution.records import PreferencePair, Trace
from constitution.sources.answer_files import AnswerFiles, Named
from constitution.sources.prompts.files import replacing
from constitution.sources.prompts.reading import BAD_ROWS, BadRows
from constitution.steps.refusals import KINDS, Refusal, tag_refusal
from constitution.steps.refusals.measure import HARDEST, Answer, Hard, Measured, Tally, measure, points_of
from constitution.steps.refusals.tag import REFUSES_FROM
from constitution.steps.wanted import read

Write = Callable[[bytes], None]


@dataclass(frozen=True)
class Refusals:
    """What was tagged, and how it adds up. `rich.print` shows it in a terminal."""

    files: tuple[str, ...]
    """Files, or one run's folder."""
    measured: Measured
    columns: Mapping[str, tuple[str, ...]]
    """Names of columns by what they were read as; empty for a run."""
    dropped: int = 0
    """Rows without an answer that were left out."""
    notes: tuple[str, ...] = ()
    """What is to be known besides."""
    out: str | None = None
    """Where every row was written."""

    def __rich__(self) -> RenderableType:
        return draw(
            refusals_page(self.measured, self.files, self.columns, dropped=self.dropped, notes=self.notes, out=self.out)
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        found = self.measured
        return {
            "files": list(self.files),
            "columns": {role: list(names) for role, names in self.columns.items()},
            "dropped": self.dropped,
            **_tally(found.whole),
            "labels": [{"said": said, "means": means, "answers": n} for (said, means), n in found.labels.most_common()],
            "against": _against(found),
            "by": {by: {value: _tally(each) for value, each in tallies.items()} for by, tallies in found.by.items()},
            "languages": {code: n for code, n in found.languages.most_common() if code is not None},
            "cues": [
                {"group": name, "answers": cue.answers, "points": float(cue.points),
                 "wordings": dict(cue.wordings.most_common(HARDEST))}
                for name, cue in sorted(found.cues.items(), key=lambda item: -item[1].answers)
            ],
            "refuses_from": REFUSES_FROM,
            "hardest": [_hard(each) for each in found.hardest],
            "notes": list(self.notes),
            "out": self.out,
        }  # fmt: skip


def refusals(
    files: Sequence[str],
    *,
    text: str | None = None,
    label: str | None = None,
    against: str | None = None,
    bad_rows: str = "error",
    limit: int | None = None,
    hardest: int = HARDEST,
    out: str | Path | None = None,
    overwrite: bool = False,
) -> Refusals:
    """Tag answers that exist. They stream through: what is held are counts, and the hardest rows.

    Args:
        files: CSV, JSON lines, a JSON array, parquet, text with one answer a line, packed or not; or one run's folder.
        text: the column of the answers; else it is found by its name.
        label: the column of people's labels; `-` for none; else it is found by its name.
        against: the column of another tagger's labels.
        bad_rows: `error`, or `drop` rows without an answer.
        limit: the most rows to read.
        hardest: rows to show.
        out: a file that gets one JSON object for each answer.
        overwrite: whether `out` may be there.

    Raises:
        InputError: a file cannot be read, rows are bad, columns are unclear, or options do not go together.
        StoreError: a run cannot be read, or `out` not written.
    """
    if bad_rows not in BAD_ROWS:
        raise SettingsError(f'--bad-rows "{bad_rows}": expected {" or ".join(BAD_ROWS)}')
    _refuse_twice(files, {"--text": text, "--label": label, "--against": against})
    target = None if out is None else _target(Path(out), files, overwrite)
    folder = next((file for file in files if file != "-" and Path(file).expanduser().is_dir()), None)
    written = None if out is None else str(out)
    with _writing(target) as write:
        if folder is not None:
            run = _run(folder, files, text or label or against)
            found = measure(_tagged(_of_run(run, limit), write), hardest)
            unfinished = "the run is not complete: what is finished so far was read"
            return Refusals((folder,), found, {}, 0, () if run.complete else (unfinished,), written)
        kept: BadRows = "drop" if bad_rows == "drop" else "error"
        source = AnswerFiles(files, Named(text, label, against), bad_rows=kept, limit=limit)
        found = measure(_tagged(iter(source), write), hardest)
    columns = {role: tuple(names) for role, names in source.columns.items() if names}
    notes = list(source.left_out)
    if source.without_draft:
        notes.append(f"rows without a draft, in which nothing was answered: {source.without_draft:,}")
    return Refusals(tuple(files), found, columns, source.dropped, tuple(notes), written)


def _refuse_twice(files: Sequence[str], columns: Mapping[str, str | None]) -> None:
    """Refuse a column that would be two things, and a file that would be counted twice."""
    taken: dict[str, str] = {}
    for option, column in columns.items():
        if column is not None and taken.setdefault(column, option) != option:
            raise SettingsError(f"{option} {column}: is named by {taken[column]} already; name another column")
    seen: set[str] = set()
    for file in files:
        path = file if file == "-" else os.path.realpath(Path(file).expanduser())
        if path in seen:
            raise SettingsError(f"{file}: is named twice, and its rows would count twice; name it once")
        seen.add(path)


def _target(out: Path, files: Sequence[str], overwrite: bool) -> Path:
    """The file that is written in the end: where a link leads, that one; devices and pipes are none.

    Raises:
        SettingsError: something stands there that is no file, or not to be replaced.
    """
    path = out.expanduser()
    if str(out) == "-" or os.path.abspath(path).startswith(("/dev/", "/proc/")):  # noqa: PTH100 - links are not followed
        raise SettingsError(f"--out {out}: is no file, and rows are written to one; --json prints the figures")
    if path.is_dir():
        raise SettingsError(f"--out {out}: is a folder; name a file")
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return _followed(path)
    except OSError as error:
        raise SettingsError(f"--out {out}: cannot be looked at: {error.strerror}; name another file") from None
    if not S_ISREG(mode):
        raise SettingsError(f"--out {out}: is there already and is no regular file; name another one")
    read = [Path(file).expanduser() for file in files if file != "-"]
    if any(file.exists() and path.samefile(file) for file in read):
        raise SettingsError(f"--out {out}: is the file that is read; name another one")
    if not overwrite:
        raise SettingsError(f"--out {out}: is there already; name another file, or replace it with --overwrite")
    return _followed(path)


def _followed(path: Path) -> Path:
    return Path(os.path.realpath(path)) if path.is_symlink() else path


@contextmanager
def _writing(out: Path | None) -> Iterator[Write | None]:
    if out is None:
        yield None
    else:
        with replacing(out) as write:
            yield write


def _run(folder: str, files: Sequence[str], column: str | None) -> Run:
    path = Path(folder).expanduser()
    if not (path / "manifest.json").exists():
        raise InputError(f"{folder}: is a folder, and no run's; name the files in it")
    if len(files) > 1:
        raise SettingsError(f"{folder}: a run is read by itself; leave the other files out")
    if column is not None:
        raise SettingsError(f"{folder}: a run has no columns to name; leave out --text, --label and --against")
    return Run.open(path)


def _of_run(run: Run, limit: int | None) -> Iterator[Answer]:
    """The answers of a run: first answers or candidates, and both texts of each pair that is kept.

    The row is the number of the input, as far as it has come.
    """
    number, record = 0, None
    settler = run.as_rows().settler
    for chain in run.traces():
        if chain.record != record:
            number, record = number + 1, chain.record
        if limit is not None and number > limit:
            return
        if not isinstance(chain, Trace):
            continue
        said = [("draft", chain.draft.text)] if chain.draft is not None else []
        said += [("candidate", each.text) for each in chain.candidates]
        for pair in settler.chain(chain).proposals:
            if isinstance(pair, PreferencePair):
                said += [("chosen", pair.chosen), ("rejected", pair.rejected)]
        tags = (("class", ", ".join(chain.tags)),) if chain.tags else ()
        for side, text in said:
            if text.strip():
                yield Answer(text, number, chain.record, chain.record, side, groups=(("side", side), *tags))


def _tagged(answers: Iterator[Answer], write: Write | None) -> Iterator[tuple[Answer, Refusal]]:
    for answer in answers:
        refusal = tag_refusal(answer.text)
        if write is not None:
            write(orjson.dumps(_row(answer, refusal), option=orjson.OPT_APPEND_NEWLINE))
        yield answer, refusal


def _row(answer: Answer, refusal: Refusal, text: str = "text") -> dict[str, Any]:
    row = {
        "row": answer.number,
        "place": answer.place,
        "id": answer.id,
        "side": answer.side or None,
        text: answer.text,
        "label": answer.label,
        "other": answer.other,
    }
    return {
        **{name: value for name, value in row.items() if value is not None},
        "kind": read(None if refusal.language is None else refusal.kind),
        "language": refusal.language,
        "points": points_of(refusal),
        "cues": [
            {"group": cue.group, "text": cue.text, "start": cue.start, "points": float(cue.points)}
            for cue in refusal.cues
        ],
    }


def _hard(each: Hard) -> dict[str, Any]:
    return _row(each.answer, each.refusal, "excerpt") | {"said": each.answer.said}


def _tally(tally: Tally) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "answers": tally.answers,
        "not_read": tally.unread,
        "kinds": {kind: tally.kinds[kind] for kind in KINDS},
        "shares": {kind: _interval(tally.share(kind)) for kind in KINDS}
        | {"refused": _interval(tally.share("full", "partial"))},
    }
    if not tally.labelled:
        return counts | {"people": None}
    people = {
        "answers": tally.labelled,
        "accuracy": _interval(tally.accuracy),
        "precision": _interval(tally.precision),
        "recall": _interval(tally.recall),
        "exact": _interval(tally.exact),
        "confusion": {label: dict(kinds) for label, kinds in tally.rows.items()},
    }
    return counts | {"people": people}


def _against(found: Measured) -> dict[str, Any] | None:
    each = found.against
    if not each.answers:
        return None
    return {
        "answers": each.answers,
        "tagger": _interval(each.tagger),
        "other": _interval(each.other),
        "both": each.both,
        "only_tagger": each.only_tagger,
        "only_other": each.only_other,
        "neither": each.neither,
        "p": each.p,
    }


def _interval(found: Interval | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)
