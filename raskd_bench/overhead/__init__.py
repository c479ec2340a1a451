"""Paired overhead campaigns: two arms in lockstep, one works at a time. No torch here."""
