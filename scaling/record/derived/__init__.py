"""Files that follow from the record: the tables of the audit and the pages of the index."""
