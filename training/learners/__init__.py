"""Learners: functions from interaction matrices to rankers."""
