"""Sentences of reasons, in Chinese and English: they say no more of a person than what the person did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.crowd import Signals
from features.signals.catalogue import Catalogue
from features.signals.known.events import Events
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


def ties_of(events: Events, catalogue: Catalogue, now: int) -> NDArray[np.int64]:
    """(n_events,) place in `TIES` of each event.

    Args:
        events: What was done.
        catalogue: Knows the sessions' starts.
        now: Instant of the answer, nanoseconds.
    """
    starts = np.append(catalogue.lookup.session_start, 0)[events.sessions]
    return np.select(
        [events.sessions < 0, ~events.is_taking, starts >= now],
        [3, 2, 1],
        default=0,
    ).astype(np.int64)


def sentence_of(
    code: str, catalogue: Catalogue, block: UserBlock, column: int, signals: Signals, place: int, is_elsewhere: bool
) -> Reason:
    """A cause in words.

    Args:
        code: The cause.
        catalogue: Candidates.
        block: One person.
        column: The candidate.
        signals: Signals of the listed candidates.
        place: The candidate's place among them.
        is_elsewhere: The person asks from another place than home, so that ways from home are called so.
    """
    category = str(
        catalogue.lookup.keys["category"].ids[catalogue.lookup.activity_keys["category"][catalogue.activities[column]]]
    )
    if code in ("series", "organiser", "category", "venue", "title"):
        zh, en = _of_past(code, catalogue, block, column, category)
    elif code == "distance":
        km = float(signals["km_from_home"][place])
        zh, en = (
            (f"离您家 {km:.1f} 公里", f"{km:.1f} km from your home")
            if is_elsewhere
            else (f"离您 {km:.1f} 公里", f"{km:.1f} km from you")
        )
    elif code == "family":
        zh, en = _of_family(catalogue, block, column)
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


def _of_past(code: str, catalogue: Catalogue, block: UserBlock, column: int, category: str) -> tuple[str, str]:
    """By the strongest tie of the person to the candidate's key, and the newest activity of that tie."""
    events = block.events
    mine = _with_key(code, catalogue, events, column)
    ties = ties_of(events, catalogue, block.at.value)
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


def _with_key(code: str, catalogue: Catalogue, events: Events, column: int) -> NDArray[np.bool_]:
    """(n_events,) those with the candidate's key, or with words of its title."""
    if code == "title":
        words = catalogue.words
        shared = words.activities @ words.candidates[[column]].T
        return np.asarray(shared.toarray().ravel()[events.activities] > 0)
    if code == "venue":
        key = catalogue.lookup.of_sessions["venue"][catalogue.session_nums[column]]
    else:
        key = catalogue.lookup.activity_keys[code][catalogue.activities[column]]
    return np.asarray((events.keys(catalogue.lookup, code) == key) & (key >= 0))


def _of_family(catalogue: Catalogue, block: UserBlock, column: int) -> tuple[str, str]:
    """A child where somebody under age that the person booked for is of the candidate's age, else somebody."""
    sessions = catalogue.sessions
    ages = sessions.start_years[column] - block.people.child_years - 1
    fits = (ages >= sessions.min_ages[column]) & (ages <= sessions.max_ages[column])
    if (ages[fits] < ADULT_AGE).any():
        return "适合您孩子的年龄", "Right for your child's age"
    return "适合您为之预订的家人的年龄", "Right for the age of those you book for"
