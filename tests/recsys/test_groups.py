"""Groups in words: every name that answers use has one in Chinese, and a platform's own words stay."""

import pytest

from features.willingness.ages import AGE_GROUPS
from recsys.groups import in_words
from recsys.openings.classes.who import BANDS, OTHER
from serving.planning.shown import SIZES
from serving.planning.visits import AGE_NAMES

NAMES = (
    *(("age", name) for name in (*AGE_GROUPS, *AGE_NAMES, OTHER)),
    *(("distance", name) for name in (*BANDS, OTHER)),
    ("township", OTHER),
    *(("venue_size", name) for _, name in SIZES),
    *(("gender", name) for name in ("f", "m", "unknown")),
    *(("channel", name) for name in ("wechat", "tv", "portal", "unknown")),
)


@pytest.mark.parametrize(("by", "name"), NAMES)
def test_a_name_of_the_service_s_own_is_told_in_chinese(by, name):
    words = in_words(by, name)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in words.zh)
    assert words.en.isascii()


def test_a_platform_s_own_word_stays_as_it_is():
    for by in ("category", "organiser", "channel", "gender", "region"):
        # "other" may be a platform's gender, channel or category: no group of its own is named so there.
        for name in ("75+", OTHER):
            assert in_words(by, name).zh == in_words(by, name).en == name
