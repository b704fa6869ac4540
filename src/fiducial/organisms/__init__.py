"""A fictional town and the small language models that know it: reference material with known, planted traits."""
