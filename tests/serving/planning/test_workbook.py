"""A report as a workbook, cell by cell."""

import io
import re
from datetime import UTC, date, datetime

import pytest
from openpyxl import load_workbook

from serving.planning.workbook import safe_cell, workbook
from serving.schemas.participation import GroupRow
from serving.schemas.reports import (
    AccuracyRow,
    CategoryRow,
    MonthRow,
    OpeningRow,
    Report,
    ReportSummary,
    VenueUse,
    WeeklyAccuracy,
)

ODD = "书法\x0b & <竹笛>"


@pytest.fixture
def report():
    return Report(
        region_id="37",
        region="=山东省",
        since=datetime(2025, 12, 1, tzinfo=UTC),
        until=datetime(2026, 1, 1, tzinfo=UTC),
        summary=ReportSummary(
            activities=3,
            sessions=5,
            cancelled_sessions=1,
            bookings=40,
            places=52,
            waitlisted=2,
            attended=None,
            attendance_rate=None,
            people=31,
            registered=900,
            reach=0.0344,
            seat_use=0.5,
            venues_in_use=2,
            median_km=1.25,
        ),
        months=[MonthRow(month="2025-12", sessions=5, places=52)],
        categories=[CategoryRow(category=ODD, activities=3, sessions=5, places=52, seat_use=None)],
        ages=[
            GroupRow(name="7-14", label="7 至 14 岁", people=26, visits=40, is_hidden=False),
            GroupRow(name="75+", label="75 岁及以上", people=None, visits=None, is_hidden=True),
        ],
        genders=[GroupRow(name="f", label="女", people=31, visits=52, is_hidden=False)],
        venues=[
            VenueUse(
                venue_id="-1",
                venue=ODD,
                sessions=5,
                hours=10.5,
                places=52,
                capacity=104,
                seat_use=0.5,
                slot_use=None,
                attendance_rate=None,
            )
        ],
        accuracy=AccuracyRow(wape=0.21, weeks=[WeeklyAccuracy(week_start=date(2025, 12, 1), forecast=11.5, actual=9)]),
        openings=[
            OpeningRow(
                category=ODD,
                venue_id="-1",
                venue="馆",
                opened_on=date(2025, 12, 3),
                sessions=2,
                predicted=8.5,
                low=4.0,
                high=13.0,
                actual=None,
            )
        ],
    )


def sheets(report, lang):
    book = load_workbook(io.BytesIO(workbook(report, lang, "Asia/Shanghai")))
    return [[list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets]


def cells(value):
    """As a spreadsheet gives a value back."""
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else safe_cell(value)


def test_every_cell_is_the_reports(report):
    summary, *tables = sheets(report, "en")
    told = {name.replace(" ", "_"): value for name, value in summary}
    assert told == {
        "region_id": "37",
        "region": "'=山东省",
        "since": "2025-12-01 08:00+08:00",
        "until": "2026-01-01 08:00+08:00",
        **report.summary.model_dump(),
        "wape": 0.21,
    }
    asked = [report.months, report.categories, report.venues, report.ages, report.genders]
    for rows, table in zip([*asked, report.accuracy.weeks, report.openings], tables, strict=True):
        assert [name.replace(" ", "_") for name in table[0]] == list(type(rows[0]).model_fields)
        assert table[1:] == [[cells(value) for value in row.model_dump().values()] for row in rows]


def test_a_chinese_workbook_speaks_chinese(report):
    summary, *tables = sheets(report, "zh")
    for header in [name for name, _ in summary] + [name for table in tables for name in table[0]]:
        assert not re.search("[a-z_]", header)
    assert [row[-1] for row in tables[3][1:]] == ["否", "是"]


def test_a_report_of_nothing_has_its_sheets(report):
    nothing = report.model_copy(
        update={"months": [], "categories": [], "ages": [], "genders": [], "venues": [], "accuracy": None}
    )
    summary, *tables = sheets(nothing, "en")
    assert "wape" not in dict(summary)
    assert [len(table) for table in tables] == [0, 0, 0, 0, 0, 2]


def test_a_cell_cannot_run_and_can_always_be_written():
    asked = ("=1", "+1", "@x", "\t=1", "\x01=1", "ok", 5, None)
    assert [safe_cell(v) for v in asked] == ["'=1", "'+1", "'@x", "'\t=1", "\ufffd=1", "ok", 5, None]
