"""Raw rows to typed rows, and a reason for each row that cannot be one: the rules of files and live rows alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

import polars as pl

from features.intake.times import Times, read_times
from recsys.schema import Column, Table

LONGEST_ID = 2000
"""Bytes of an id in UTF-8: what an index of the store can hold, with room to spare."""

_GREATEST_COUNT = 2.0**53
_TYPES: dict[str, type[pl.DataType] | pl.DataType] = {
    "id": pl.String,
    "text": pl.String,
    "list": pl.String,
    "time": pl.Datetime("us", "UTC"),
    "number": pl.Float64,
    "count": pl.Int64,
    "flag": pl.Boolean,
}
_LISTS_OF_YEARS = ("attendee_birth_years",)
_ORDERED_TIMES = {"sessions": (("starts_at", "ends_at"),)}
_ORDERED_COUNTS = {"activities": (("min_age", "max_age"),)}
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Cleaned:
    """What became of some raw rows.

    Attributes:
        rows: Good rows with all of the contract's columns, typed, then whatever else came with them.
        rejected: Bad rows as delivered (text), with `reason`; a row with several faults names all.
        warnings: Number of good rows by what is odd about them.
    """

    rows: pl.DataFrame
    rejected: pl.DataFrame
    warnings: dict[str, int]


@dataclass
class _Faults:
    """Masks of rows with a fault, in the order found."""

    found: list[tuple[pl.Series, str]] = field(default_factory=list)

    def add(self, is_bad: pl.Series, reason: str) -> None:
        if is_bad.any():
            self.found.append((is_bad.fill_null(False), reason))


def clean_rows(table: Table, raw: pl.DataFrame, timezone: str) -> Cleaned:
    """Types every value; times without a zone are in `timezone`.

    Args:
        table: The contract's table.
        raw: Columns as text or, from Parquet, as native types; columns that the contract does not have pass through.
        timezone: Zone of the platform.
    """
    faults = _Faults()
    typed = {
        column.name: _typed(column, raw[column.name], timezone, faults)
        if column.name in raw.columns
        else pl.Series(column.name, [None] * len(raw), dtype=_TYPES[column.type])
        for column in table.columns
    }
    for column in table.columns:
        if column.is_required:
            is_blank = _is_blank(raw, column.name)
            faults.add(is_blank, f"{column.name} is missing")
    for first, last in _ORDERED_TIMES.get(table.name, ()):
        faults.add(typed[last] < typed[first], f"{last} lies before {first}")
    others = [raw[name] for name in raw.columns if name not in typed]
    rows = pl.DataFrame([*typed.values(), *others])
    if not faults.found:
        return Cleaned(rows, raw.clear().with_columns(pl.lit("").alias("reason")), warnings_of(table, rows))
    is_bad = reduce(or_, (mask for mask, _ in faults.found))
    reasons = pl.select(
        pl.concat_str(
            [pl.when(mask.filter(is_bad)).then(pl.lit(reason)) for mask, reason in faults.found],
            separator="; ",
            ignore_nulls=True,
        ).alias("reason")
    )["reason"]
    good = rows.filter(~is_bad)
    return Cleaned(good, raw.filter(is_bad).with_columns(reasons), warnings_of(table, good))


def warnings_of(table: Table, rows: pl.DataFrame) -> dict[str, int]:
    """Number of clean rows by what is odd about them.

    They contradict themselves, and are stored all the same: all that points at them would have to wait otherwise.
    """
    found = {
        f"{low} is above {high}: nobody is of that age": rows.filter(pl.col(low) > pl.col(high)).height
        for low, high in _ORDERED_COUNTS.get(table.name, ())
    }
    return {warning: n_rows for warning, n_rows in found.items() if n_rows}


def as_text(values: pl.Series) -> pl.Series:
    """Values of any type as a CSV would hold them; empty becomes null."""
    if isinstance(values.dtype, pl.List | pl.Array):
        values = values.cast(pl.List(pl.String)).list.join(";", ignore_nulls=True)
    elif values.dtype in (pl.Float32, pl.Float64):
        values = _float_text(values)
    elif values.dtype == pl.Boolean:
        values = values.cast(pl.String)
    elif values.dtype != pl.String:
        values = values.cast(pl.String, strict=True)
    return values.replace("", None)


def times_of(values: pl.Series, timezone: str) -> Times:
    """Instants of a column of times as delivered, text or native; those without a zone are in `timezone`."""
    return read_times(values if values.dtype.is_temporal() else _stripped(as_text(values)), timezone)


def _float_text(values: pl.Series) -> pl.Series:
    """Whole floats without their `.0`: tables with gaps hold ids and counts as floats."""
    values = values.fill_nan(None)
    is_whole = (values == values.round(0)) & (values.abs() < _GREATEST_COUNT)
    whole = values.set(~is_whole.fill_null(False), None).cast(pl.Int64, strict=False).cast(pl.String)
    return whole.zip_with(is_whole.fill_null(False), values.cast(pl.String)).rename(values.name)


def _is_blank(raw: pl.DataFrame, name: str) -> pl.Series:
    if name not in raw.columns:
        return pl.repeat(True, len(raw), eager=True)
    values = raw[name]
    if values.dtype != pl.String:
        return values.is_null()
    is_blank = values.is_null() | (values == "")
    is_spaced = values.str.starts_with(" ") | values.str.starts_with("\t")
    return is_blank | (values.str.strip_chars() == "") if is_spaced.any() else is_blank


def _typed(column: Column, values: pl.Series, timezone: str, faults: _Faults) -> pl.Series:
    read: dict[str, Callable[[], pl.Series]] = {
        "id": lambda: _read_text(column, values, faults, strip=False),
        "text": lambda: _read_text(column, values, faults, strip=True),
        "list": lambda: _read_list(column, values, faults),
        "time": lambda: _read_time(column, values, timezone, faults),
        "number": lambda: _read_number(column, values, faults),
        "count": lambda: _read_count(column, values, faults),
        "flag": lambda: _read_flag(column, values, faults),
    }
    return read[column.type]()


def _read_text(column: Column, values: pl.Series, faults: _Faults, *, strip: bool) -> pl.Series:
    text = as_text(values)
    text = _stripped(text) if strip else text
    if column.type == "id":
        faults.add(text.str.len_bytes() > LONGEST_ID, f"{column.name} is longer than {LONGEST_ID} bytes")
    faults.add(text.str.contains("\0", literal=True), f"{column.name} holds a NUL character")
    if column.choices is not None:
        is_open = text.is_null() | text.is_in(list(column.choices))
        faults.add(~is_open, f"{column.name} is none of {', '.join(column.choices)}")
    return text


def _stripped(text: pl.Series) -> pl.Series:
    return text.str.strip_chars().replace("", None)


def _read_list(column: Column, values: pl.Series, faults: _Faults) -> pl.Series:
    text = _read_text(column, values, faults, strip=True)
    if column.name not in _LISTS_OF_YEARS or text.null_count() == len(text):
        return text
    is_years = text.str.contains(r"^\s*(1[89]|2[01])\d\d(\.0)?\s*(;\s*((1[89]|2[01])\d\d(\.0)?)?\s*)*$")
    faults.add(~is_years, f"{column.name} is not a list of years with ; between")
    return text.str.replace_all(r"\.0", "")


def _read_time(column: Column, values: pl.Series, timezone: str, faults: _Faults) -> pl.Series:
    times = times_of(values, timezone)
    faults.add(times.is_unreadable, f"{column.name} is not a time (ISO 8601, such as 2026-05-01T19:30:00+08:00)")
    faults.add(times.is_skipped, f"{column.name} is a time that {timezone} skips when its clocks go forward")
    faults.add(times.is_remote, f"{column.name} lies outside the years 1700 to 2199")
    return times.instants


def _read_number(column: Column, values: pl.Series, faults: _Faults) -> pl.Series:
    if values.dtype.is_numeric():
        numbers = values.cast(pl.Float64).fill_nan(None)
        is_unreadable = numbers.is_infinite()
    else:
        text = _stripped(as_text(values))
        numbers = text.cast(pl.Float64, strict=False)
        is_unreadable = text.is_not_null() & ~numbers.is_finite().fill_null(False)
    faults.add(is_unreadable, f"{column.name} is not a number")
    if column.low is not None:
        faults.add(~is_unreadable & (numbers < column.low), f"{column.name} is below {column.low:g}")
    if column.high is not None:
        faults.add(~is_unreadable & (numbers > column.high), f"{column.name} is above {column.high:g}")
    return numbers


def _read_count(column: Column, values: pl.Series, faults: _Faults) -> pl.Series:
    numbers = _read_number(column, values, faults)
    faults.add(numbers.is_finite() & (numbers != numbers.round(0)), f"{column.name} is not a whole number")
    if column.high is None:
        faults.add(numbers >= _GREATEST_COUNT, f"{column.name} is too great a number")
    return numbers.cast(pl.Int64, strict=False)


def _read_flag(column: Column, values: pl.Series, faults: _Faults) -> pl.Series:
    if values.dtype == pl.Boolean:
        return values
    text = _stripped(as_text(values)).str.to_lowercase()
    flags = text.replace_strict(list(_FLAGS), list(_FLAGS.values()), default=None, return_dtype=pl.Boolean)
    faults.add(text.is_not_null() & flags.is_null(), f"{column.name} is neither true nor false")
    return flags
