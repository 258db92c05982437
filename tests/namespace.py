"""The tasks, for tests that ask for their options."""

import copy

from invoke.collection import Collection

import tasks


def task_copies() -> Collection:
    """Copies of all tasks: who asks one for its options takes the texts of their help away."""
    return copy.deepcopy(tasks.namespace)
