"""C sources as the rules see them: tokens, functions, statements.

The text is read as it stands, before the preprocessor: that is where pragmas, macros and comments are, and
macros of the SDK that look like statements (TRY, FINALLY, CX_CHECK) are kept as what they are. What does
not fit is an error, never silence.
"""
