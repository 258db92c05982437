"""Evidence around a release: who approved it, where it came from, who rebuilt it, that all see the same one.

Every signature here is over a DSSE envelope (``dsse``). One file carries everything (``bundle``).
"""
