"""How a team's own runs come in: kept as received, read through a mapping, merged into runs.

`apply` turns one file's frame into run rows, `merge` puts the files of a source together, `store`
holds the files and the log of what was added when, `names` hides names, `add` is the act of adding.
"""
