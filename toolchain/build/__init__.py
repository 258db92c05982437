"""Source to ``BuildResult``: which compiler, what make is given, what came out of it."""
