"""ISO 8601 times in their many spellings to instants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

_INSTANT = pl.Datetime("us", "UTC")
_EARLIEST = datetime(1700, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_PATTERN = (
    r"^(\d{4})-?(\d\d)-?(\d\d)(?:[Tt ]+(\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,6})\d*)?)?)?)?\s*"
    r"(?:([Zz])|([+-]\d\d)(?::?(\d\d))?)?$"
)


@dataclass(frozen=True)
class Times:
    """Instants, null where there is none; and why."""

    instants: pl.Series
    is_unreadable: pl.Series
    is_skipped: pl.Series
    is_remote: pl.Series


def read_times(values: pl.Series, timezone: str) -> Times:
    """Instants of times as text (ISO 8601, null for none) or as native times, to the microsecond.

    A time without a zone is in `timezone`; a date is its midnight; a repeated hour is its first pass. Unreadable,
    skipped by the zone's clocks, or outside 1700 to 2199 (what nanosecond times can hold): null.
    """
    if values.dtype.is_temporal():
        local, instants = _native(values)
    else:
        local, instants = _from_text(values)
    resolved = local.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    is_skipped = local.is_not_null() & resolved.is_null()
    instants = instants.zip_with(instants.is_not_null(), resolved.dt.convert_time_zone("UTC").cast(_INSTANT))
    is_unreadable = values.is_not_null() & instants.is_null() & ~is_skipped
    is_remote = ((instants < _EARLIEST) | (instants >= _LATEST)).fill_null(False)
    return Times(instants.set(is_remote, None).rename(values.name), is_unreadable, is_skipped, is_remote)


def _native(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """(wall-clock times, instants): each row has one of them at most."""
    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone is not None:
        return _none(values, pl.Datetime("us")), values.dt.convert_time_zone("UTC").cast(_INSTANT)
    if values.dtype in (pl.Date, pl.Datetime):
        return values.cast(pl.Datetime("us")), _none(values, _INSTANT)
    return _none(values, pl.Datetime("us")), _none(values, _INSTANT)


def _from_text(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """As `_native`. Columns written alike throughout, nearly all, take a path thirty times as fast."""
    if text.null_count() == len(text):
        return _none(text, pl.Datetime("us")), _none(text, _INSTANT)
    for zone in ("UTC", None):
        try:
            cast = pc.cast(text.to_arrow().cast(pa.string()), pa.timestamp("us", zone))
        except pa.ArrowInvalid:
            continue
        times = pl.Series(values=pl.from_arrow(cast))
        if zone is None:
            return times, _none(text, _INSTANT)
        return _none(text, pl.Datetime("us")), times.cast(_INSTANT)
    return _from_mixed_text(text)


def _from_mixed_text(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    names = ["year", "month", "day", "hour", "minute", "second", "fraction", "z", "offset_hour", "offset_minute"]
    parts = text.str.extract_groups(_PATTERN).struct.rename_fields(names).struct.unnest()
    # 24:00 is the midnight that ends the day (ISO 8601-1, amendment of 2022).
    after = pl.concat_str(*(pl.col(name).fill_null("") for name in ("minute", "second", "fraction")))
    is_end = (pl.col("hour").eq("24") & after.str.strip_chars("0").eq("")).fill_null(False)
    parts = parts.with_columns(is_end=is_end, hour=pl.when(is_end).then(pl.lit("00")).otherwise("hour"))
    stamp = pl.concat_str(
        "year",
        pl.lit("-"),
        "month",
        pl.lit("-"),
        "day",
        pl.lit(" "),
        *(
            part
            for name, separator in (("hour", ":"), ("minute", ":"), ("second", "."))
            for part in (pl.col(name).fill_null("00"), pl.lit(separator))
        ),
        pl.col("fraction").fill_null("0").str.pad_end(6, "0"),
    )
    hours = pl.when(pl.col("z").is_not_null()).then(pl.lit("+00")).otherwise(pl.col("offset_hour"))
    sign = pl.when(hours.str.starts_with("-")).then(-1).otherwise(1)
    minutes = pl.col("offset_minute").fill_null("00").cast(pl.Int64)
    offset = pl.when((hours.str.slice(1).cast(pl.Int64) < 24) & (minutes < 60)).then(
        pl.duration(minutes=sign * (hours.str.slice(1).cast(pl.Int64) * 60 + minutes))
    )
    wall = stamp.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
    frame = parts.select(
        (wall + pl.duration(days=pl.col("is_end").cast(pl.Int64))).alias("wall"),
        hours.is_not_null().alias("has_zone"),
        offset.alias("offset"),
    )
    instants = frame.select(pl.when("has_zone").then(pl.col("wall") - pl.col("offset")))["wall"]
    local = frame.select(pl.when(~pl.col("has_zone")).then(pl.col("wall")))["wall"]
    return local, instants.dt.replace_time_zone("UTC").cast(_INSTANT)


def _none(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    return pl.Series(values.name, [None], dtype=dtype).new_from_index(0, len(values))
