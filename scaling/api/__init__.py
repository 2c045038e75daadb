"""The functions of ``import scaling``: one file a verb, with the defaults of the command line.

Each takes tables of any kind (`scaling.frames`), chooses rows as the verb of that name does
(`scaling.given`), calls the function of its wing, and returns a result that prints, draws and
stores itself. What a verb says on standard error is in the notes of the result.
"""
