"""C sources as the rules see them, in two tiers.

``text`` splits a file as it stands (tree-sitter): directives, comments, what tools are asked by. ``tree`` is
what the compiler saw: functions, statements and expressions with their types, macros expanded, by libclang
(``clang``) with the commands of the build, in processes of their own (``units``). ``flow`` and ``approval``
walk over that.
"""
