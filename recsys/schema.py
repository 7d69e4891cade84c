"""The input tables by name: columns, types, keys and references, written once for every room."""

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["id", "text", "list", "time", "number", "count", "flag"]

LEVELS = ("province", "city", "county", "township", "village")
"""Levels of the region tree, outermost first."""

BOOKING_STATUSES = ("booked", "waitlisted", "cancelled", "attended", "no_show")
TAKING_STATUSES = ("booked", "attended", "no_show")
"""Statuses that take places."""

FEEDBACK_KINDS = ("impression", "view", "favourite", "share", "rating", "pledge")


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Column name in the file, the store and the data set.
        type: `id` and `text` are text, `list` is text with `;` between values, `time` is an instant,
            `number` a finite float, `count` a whole number, `flag` true or false.
        is_required: The file must have the column and the row a value.
        refers_to: Table whose key the value is, if any.
        low: Least allowed value of a number or count.
        high: Greatest allowed value of a number or count.
        choices: Allowed values of a text, if closed.
    """

    name: str
    type: ColumnType
    is_required: bool = False
    refers_to: str | None = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Table:
    """One table of the contract; its key is the first column."""

    name: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> str:
        """Name of the key column."""
        return self.columns[0].name

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns, key first."""
        return tuple(c.name for c in self.columns)

    def __getitem__(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)


_LAT = Column("lat", "number", low=-90, high=90)
_LON = Column("lon", "number", low=-180, high=180)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "regions",
            (
                Column("region_id", "id", True),
                Column("name", "text", True),
                Column("level", "text", True, choices=LEVELS),
                Column("parent_id", "id", refers_to="regions"),
                _LAT,
                _LON,
                Column("population", "number", low=0),
            ),
        ),
        Table(
            "venues",
            (
                Column("venue_id", "id", True),
                Column("name", "text", True),
                Column("region_id", "id", refers_to="regions"),
                _LAT,
                _LON,
                Column("kind", "text"),
                Column("rooms", "count", low=0),
                Column("seats", "count", low=0),
                Column("weekly_slots", "count", low=0),
            ),
        ),
        Table(
            "users",
            (
                Column("user_id", "id", True),
                Column("birth_year", "count", low=1850, high=2200),
                Column("gender", "text"),
                Column("region_id", "id", refers_to="regions"),
                _LAT,
                _LON,
                Column("registered_at", "time"),
                Column("interests", "list"),
                Column("personalised", "flag"),
            ),
        ),
        Table(
            "activities",
            (
                Column("activity_id", "id", True),
                Column("category", "text", True),
                Column("title", "text"),
                Column("description", "text"),
                Column("kind", "text"),
                Column("organiser_id", "id"),
                Column("tags", "list"),
                Column("audience", "text"),
                Column("min_age", "count", low=0, high=150),
                Column("max_age", "count", low=0, high=150),
                Column("online", "flag"),
                Column("series_id", "id"),
            ),
        ),
        Table(
            "sessions",
            (
                Column("session_id", "id", True),
                Column("activity_id", "id", True, refers_to="activities"),
                Column("starts_at", "time", True),
                Column("venue_id", "id", refers_to="venues"),
                Column("ends_at", "time"),
                Column("capacity", "count", low=0),
                Column("price", "number", low=0),
                Column("published_at", "time"),
                Column("booking_opens_at", "time"),
                Column("booking_closes_at", "time"),
                Column("cancelled_at", "time"),
            ),
        ),
        Table(
            "bookings",
            (
                Column("booking_id", "id", True),
                Column("user_id", "id", True, refers_to="users"),
                Column("session_id", "id", True, refers_to="sessions"),
                Column("booked_at", "time", True),
                Column("status", "text", choices=BOOKING_STATUSES),
                Column("status_at", "time"),
                Column("party_size", "count", low=1),
                Column("attendee_birth_years", "list"),
                Column("channel", "text"),
            ),
        ),
        Table(
            "feedback",
            (
                Column("feedback_id", "id", True),
                Column("user_id", "id", True, refers_to="users"),
                Column("activity_id", "id", True, refers_to="activities"),
                Column("kind", "text", True, choices=FEEDBACK_KINDS),
                Column("occurred_at", "time", True),
                Column("value", "number"),
                Column("channel", "text"),
                Column("request_id", "text"),
            ),
        ),
    )
}
"""Tables by name, in an order in which references point backwards."""
