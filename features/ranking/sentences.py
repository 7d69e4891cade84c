"""Sentences of reasons, in Chinese and English: they say no more of a person than what the person did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.crowd import Signals
from features.signals.catalogue import Catalogue
from features.signals.people import UserBlock
from recsys.availability import ADULT_AGE
from recsys.sentences import Sentence


@dataclass(frozen=True)
class Reason(Sentence):
    """One cause; without it the score is lower.

    Attributes:
        code: Name of the cause, see `features.ranking.reasons.CAUSES`.
    """

    code: str


@dataclass(frozen=True)
class Tie:
    """What somebody did with an activity: as a verb in both languages, and before a noun in Chinese."""

    zh: str
    zh_of: str
    en: str


TIES = (
    Tie("参加过", "参加过的", "went to"),
    Tie("预订了", "预订的", "booked"),
    Tie("报名过", "报名过的", "signed up for"),
    Tie("关注过", "关注过的", "showed interest in"),
)
"""Strongest first: a place that was held when the session began, one still to come, a booking without a place (given
back, on the waitlist, not used), and feedback such as a view or a favourite."""


@dataclass(frozen=True, eq=False)
class Past:
    """What one person did, as sentences tell of it; each part of it is worked out once.

    Attributes:
        catalogue: Candidates; knows the sessions' starts.
        block: The person.
    """

    catalogue: Catalogue
    block: UserBlock
    _keys: dict[str, NDArray[np.int64]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def ties(self) -> NDArray[np.int64]:
        """(n_events,) place in `TIES` of each event."""
        events = self.block.events
        starts = np.append(self.catalogue.lookup.session_start, 0)[events.sessions]
        is_to_come = starts >= self.block.at.value
        return np.select([events.sessions < 0, ~events.is_taking, is_to_come], [3, 2, 1], default=0).astype(np.int64)

    def with_key(self, code: str, column: int) -> NDArray[np.bool_]:
        """(n_events,) those with the candidate's key, or with words of its title."""
        lookup = self.catalogue.lookup
        if code == "title":
            return self._with_words(column)
        if code not in self._keys:
            self._keys[code] = self.block.events.keys(lookup, code)
        if code == "venue":
            key = lookup.of_sessions["venue"][self.catalogue.session_nums[column]]
        else:
            key = lookup.activity_keys[code][self.catalogue.activities[column]]
        return np.asarray((self._keys[code] == key) & (key >= 0))

    def _with_words(self, column: int) -> NDArray[np.bool_]:
        words, of_event = self._words
        wanted = self.catalogue.words.candidates
        is_shared = np.isin(words, wanted.indices[wanted.indptr[column] : wanted.indptr[column + 1]])
        return np.bincount(of_event[is_shared], minlength=len(self.ties)) > 0

    @cached_property
    def _words(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Words of the events' titles, and the event of each."""
        found = self.catalogue.words.activities[self.block.events.activities]
        return found.indices, np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))


def sentence_of(code: str, past: Past, column: int, signals: Signals, place: int, is_elsewhere: bool) -> Reason:
    """A cause in words.

    Args:
        code: The cause.
        past: What the person did.
        column: The candidate.
        signals: Signals of the listed candidates.
        place: The candidate's place among them.
        is_elsewhere: The person asks from another place than home, so that ways from home are called so.
    """
    catalogue = past.catalogue
    category = str(
        catalogue.lookup.keys["category"].ids[catalogue.lookup.activity_keys["category"][catalogue.activities[column]]]
    )
    if code in ("series", "organiser", "category", "venue", "title"):
        zh, en = _of_past(code, past, column, category)
    elif code == "distance":
        km = float(signals["km_from_home"][place])
        zh, en = (
            (f"离您家 {km:.1f} 公里", f"{km:.1f} km from your home")
            if is_elsewhere
            else (f"离您 {km:.1f} 公里", f"{km:.1f} km from you")
        )
    elif code == "family":
        zh, en = _of_family(catalogue, past.block, column)
    else:
        zh, en = {
            "company": ("与您一起参加过活动的人也参加", "People you have met at sessions go to this"),
            "habit": ("在您常选的时间", "At a time that you often choose"),
            "interest": (f"因为您关注“{category}”", f"Because you are interested in {category}"),
            "township": ("本街道热门", "Popular in your township"),
            "age": ("同龄人常参加", "People of your age go to this"),
            "popular": ("近期热门", "Popular lately"),
        }[code]
    return Reason(zh, en, code)


def said_once(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Reasons in their order, without those that read like one before: two causes may have the same words."""
    once: dict[str, Reason] = {}
    for reason in reasons:
        once.setdefault(reason.zh, reason)
    return tuple(once.values())


def _of_past(code: str, past: Past, column: int, category: str) -> tuple[str, str]:
    """By the strongest tie of the person to the candidate's key, and the newest activity of that tie."""
    catalogue, events, ties = past.catalogue, past.block.events, past.ties
    mine = past.with_key(code, column)
    strongest = int(ties[mine].min(initial=len(TIES) - 1))
    tie = TIES[strongest]
    if code == "category":
        return f"因为您{tie.zh}“{category}”类活动", f"Because you {tie.en} {category} before"
    if code == "title":
        return f"内容与您{tie.zh_of}活动相近", f"Similar to what you {tie.en}"
    if code == "venue":
        venue = str(catalogue.venue_names[catalogue.lookup.of_sessions["venue"][catalogue.session_nums[column]]])
        where = {0: "where you have been", 1: "where you have booked"}.get(strongest, "where you have signed up")
        return f"在您{'去过的' if strongest == 0 else tie.zh_of}{venue or '场馆'}", f"At {venue or 'a venue'}, {where}"
    # Oldest first: the last is the newest.
    newest = np.flatnonzero(mine & (ties == strongest))
    if len(newest) and events.activities[newest[-1]] == catalogue.activities[column]:
        return f"因为您{tie.zh}这项活动", f"Because you {tie.en} this before"
    title = str(catalogue.titles[events.activities[newest[-1]]]) if len(newest) else ""
    if code == "series":
        return (
            f"因为您{tie.zh}{f'《{title}》' if title else '同系列的活动'}",
            f"Because you {tie.en} {f'“{title}”' if title else 'this series'}",
        )
    return (
        f"因为您{tie.zh}同一主办方的{f'《{title}》' if title else '活动'}",
        f"Because you {tie.en} {f'“{title}”' if title else 'an activity'} by the same organiser",
    )


def _of_family(catalogue: Catalogue, block: UserBlock, column: int) -> tuple[str, str]:
    """A child where somebody under age that the person booked for is of the candidate's age, else somebody."""
    sessions = catalogue.sessions
    ages = sessions.start_years[column] - block.people.child_years - 1
    fits = (ages >= sessions.min_ages[column]) & (ages <= sessions.max_ages[column])
    if (ages[fits] < ADULT_AGE).any():
        return "适合您孩子的年龄", "Right for your child's age"
    return "适合您为之预订的家人的年龄", "Right for the age of those you book for"
