-- The file says whose it is, in its head: a file of another program in the place of the board is told from it.

PRAGMA application_id = 1801547362;
