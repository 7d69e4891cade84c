"""Forecasters: what is learned from past weeks about the weeks ahead."""
