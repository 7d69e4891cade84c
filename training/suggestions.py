"""`culture suggest`: the plan as a table, and what was asked about it beside that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from features.settings import Settings
from recsys.errors import DataError, UnknownIdError
from recsys.files import check_output, write_json, write_table
from recsys.openings.answers.answer import answer, told
from recsys.openings.answers.inquiry import Inquiry, inquiry_of, read_question
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.question import never_offered
from recsys.openings.suggest import rows
from recsys.sentences import Language
from training.champion import openings_of
from training.evaluation import Say
from training.run import known_data


@dataclass(frozen=True)
class Asked:
    """What `culture suggest` is asked.

    Attributes:
        budget: Classes, or money where the question gives costs.
        region_id: Only venues in or under this region.
        categories: Only these, with commas between.
        question: JSON file with all else, see `Inquiry`.
        details: JSON file for what is asked about the plan.
        lang: Language of sentences in the files.
    """

    budget: int
    region_id: str | None = None
    categories: str | None = None
    question: Path | None = None
    details: Path | None = None
    lang: Language = "en"

    def inquiry(self, say: Say) -> Inquiry:
        """All of it as one; what the file says otherwise than the command line gives way, and that is said.

        Raises:
            DataError: the file cannot be used, or asks for more than the plan while no file for the answer is named.
        """
        written = {} if self.question is None else read_question(_text_of(self.question))
        wanted = None if self.categories is None else [c.strip() for c in self.categories.split(",") if c.strip()]
        options = {"budget": self.budget, "region_id": self.region_id, "categories": wanted}
        given = {name: value for name, value in options.items() if value is not None}
        for name in given:
            if name in written and written[name] != given[name]:
                say(f"{name} is {given[name]!r} as on the command line, not what {self.question} says")
        found = inquiry_of({**written, **given})
        if self.details is None and found.further():
            raise DataError("question", [f"{', '.join(found.further())}: name a file for the answer with --details"])
        return found


def suggest_file(settings: Settings, as_of: pd.Timestamp, asked: Asked, output: Path, say: Say) -> int:
    """Writes the suggestions and says how good the plan is; returns the number of rows."""
    for file in (output, asked.details):
        if file is not None:
            check_output(file)
    _check_apart({"--output": output, "--details": asked.details, "--question": asked.question})
    inquiry = asked.inquiry(say)
    snapshot, dataset = known_data(settings, as_of, say)
    inputs = openings_of(settings, snapshot, dataset, say)
    _check_categories(inputs, inquiry)
    found = answer(inputs, inquiry)
    for note in found.notes:
        say(note.en)
    if found.items:
        say(f"the plan brings at least {1 - found.plan.gap:.1%} of what the best could")
    if asked.details is not None:
        write_json({"data_until": inputs.data_until, **told(found, asked.lang)}, asked.details)
        say(f"{asked.details}: what was asked about the plan")
    return write_table(rows(found.items, asked.lang), output)


def _check_apart(files: dict[str, Path | None]) -> None:
    """Refuses to write over what is read or over what is written beside it."""
    seen: dict[Path, str] = {}
    for option, file in files.items():
        if file is not None and (first := seen.setdefault(file.resolve(), option)) != option:
            raise DataError(option, [f"{file} is the file of {first} already: name another"])


def _check_categories(inputs: OpeningInputs, inquiry: Inquiry) -> None:
    unknown = never_offered(inputs, inquiry)
    if inquiry.categories and set(inquiry.categories) <= set(unknown):
        known = ", ".join(map(str, inputs.categories[:30])) or "none"
        raise UnknownIdError("categories", inquiry.categories, f"offered so far: {known}")


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(str(path), [f"cannot be read: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise DataError(str(path), [f"cannot be read: it is not text in UTF-8 (byte {error.start})"]) from error
