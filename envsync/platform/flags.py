"""Ways of opening files and folders, named: what `os.open` is given.

No descriptor is inherited by a command that is started. A FIFO that nobody writes to keeps no
reader waiting, and a terminal that is opened does not become this process's own.
"""

import os

_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC

READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""For reading, through a link as well: what stands there may be anything."""

READ_NO_LINK = os.O_RDONLY | os.O_NONBLOCK | _NO_LINK
"""For reading, `OSError` (ELOOP) for a link: what stands there may be anything else."""

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK
"""For writing; `FileExistsError` where anything stands, a link that leads nowhere as well."""

TOUCH = os.O_WRONLY | os.O_CREAT | _NO_LINK
"""See that there is a file; one that is there keeps what is in it."""

APPEND = os.O_WRONLY | os.O_APPEND | _NO_LINK
"""Go on at the end of a file that is there."""

REWRITE = os.O_WRONLY | os.O_TRUNC | _NO_LINK
"""Write a file that is there anew."""

FOLDER = os.O_RDONLY | os.O_DIRECTORY | _NO_LINK
"""A folder itself; `OSError` for a link to one, and for a file."""
