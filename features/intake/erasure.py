"""Accounts that were erased: nothing that was theirs comes back with a later delivery."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from features.intake.cleaning import as_text, times_of
from features.intake.sources import RAW
from recsys.schema import Table

ERASED = "user_id is of an erased account: who signs up anew has a registered_at after the erasure"
"""Why a row is refused."""

HAPPENED = {"users": "registered_at", "bookings": "booked_at", "feedback": "occurred_at"}
"""When what a row of a user tells happened, by table."""


def digest_of(user_id: str, salt: bytes) -> bytes:
    """What is remembered of an erased id, 32 bytes: without the salt it cannot be told whose it is."""
    return hashlib.blake2b(user_id.encode(), key=salt, digest_size=32).digest()


@dataclass
class ErasedAccounts:
    """Erased accounts of a platform by their digests; rows of theirs are told apart.

    Attributes:
        salt: Of the digests.
        until: What happened before this instant is erased, and stays so.
        back: Digests of those who have signed up anew; rows that say so are added as they come.
    """

    salt: bytes
    until: Mapping[bytes, datetime]
    back: set[bytes] = field(default_factory=set)

    def apart(self, table: Table, rows: pl.DataFrame, is_live: bool = False) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows that may be stored, and those refused, with `reason`.

        A users row may be if it was registered after the erasure, another if it happened after it and its user has
        signed up anew.

        Args:
            table: The contract's table.
            rows: Clean rows.
            is_live: They were sent one by one as they came about: a row that names no instant tells of the present,
                where in a delivery of a whole table it may tell of any time.
        """
        reason = pl.lit(ERASED).alias("reason")
        named = self._named(rows["user_id"]) if "user_id" in rows.columns else {}
        if not named:
            return rows, rows.clear().with_columns(reason)
        ids = rows["user_id"]
        is_after = (rows[HAPPENED[table.name]] >= self._until(ids, named)).fill_null(is_live)
        if table.name == "users":
            self.back.update(named[user] for user in ids.filter(is_after) if user in named)
        is_refused = self._is_erased(ids, named, is_after)
        return rows.filter(~is_refused), rows.filter(is_refused).with_columns(reason)

    def unnamed(self, table: Table, bad: pl.DataFrame, timezone: str) -> pl.DataFrame:
        """Rows for the quarantine without those of erased accounts; of who has signed up anew, what came after stays.

        Args:
            table: The contract's table.
            bad: Rows as delivered; one with a wrong number of values is left out if any of them is an erased id, for
                it cannot be told when it happened.
            timezone: Zone of times without one.
        """
        if "user_id" in bad.columns:
            ids = as_text(bad["user_id"])
            named = self._named(ids)
            happened = HAPPENED[table.name]
            if named and happened in bad.columns:
                is_after = times_of(bad[happened], timezone).instants >= self._until(ids, named)
                bad = bad.filter(~self._is_erased(ids, named, is_after.fill_null(False)))
            elif named:
                bad = bad.filter(~ids.is_in(list(named)).fill_null(False))
        if RAW in bad.columns:
            values = _values_in(bad[RAW])
            named = self._named(values.explode())
            bad = bad.filter(~values.list.eval(pl.element().is_in(list(named))).list.any().fill_null(False))
        return bad

    def _until(self, ids: pl.Series, named: Mapping[str, bytes]) -> pl.Series:
        """Instants of erasure; null for who was not erased."""
        until = {user: self.until[digest] for user, digest in named.items()}
        return ids.replace_strict(until, default=None, return_dtype=pl.Datetime("us", "UTC"))

    def _is_erased(self, ids: pl.Series, named: Mapping[str, bytes], is_after: pl.Series) -> pl.Series:
        """Whether rows are of an erased account, and not of its time after signing up anew."""
        is_back = ids.is_in([user for user, digest in named.items() if digest in self.back])
        return ids.is_in(list(named)).fill_null(False) & ~(is_after & is_back).fill_null(False)

    def _named(self, user_ids: pl.Series) -> dict[str, bytes]:
        """Digests of those ids that are erased ones."""
        if not self.until:
            return {}
        digests = {user: digest_of(user, self.salt) for user in user_ids.drop_nulls().unique()}
        return {user: digest for user, digest in digests.items() if digest in self.until}


def _values_in(lines: pl.Series) -> pl.Series:
    """Lists of what may be a value of each line of CSV: what stands between commas, and what is quoted."""
    bare = lines.str.replace_all('["\r\n]', "").str.split(",")
    quoted = lines.str.extract_all('"(?:[^"]|"")*"')
    inside = quoted.list.eval(pl.element().str.slice(1).str.head(-1).str.replace_all('""', '"', literal=True))
    return bare.list.concat(inside)
