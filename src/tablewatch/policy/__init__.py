"""Decisions from counts and a given time. Nothing here reads a clock or touches a process."""
