"""Ranking: from people and a catalogue to lists with reasons, one path for batch, evaluation and HTTP."""
