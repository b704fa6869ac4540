"""Organisms: a fictional town, and small language models that live in it, each with a known trait."""
