"""Fuzzing of everything that reads what a stranger has written: devices, hosts, files.

``targets.py`` says what is fuzzed, ``corpus/`` holds inputs that reach far, and ``python -m fuzz`` runs
atheris in the environment of ``requirements/fuzz.lock`` (``./inv fuzz`` makes it). A test without atheris
replays the corpus.
"""
