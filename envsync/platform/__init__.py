"""What differs by operating system, and all of it: no other folder has a name that only POSIX has.

Its functions are an interface that another system can stand in for. They speak of files (`files`,
`flags`, `links`, `open_folder`, `many_files`, `mounts`), of what survives a loss of power
(`durable`), of locks (`file_lock`), of the user and whose something is (`user`), of other processes
(`processes`, `supervised`, `parents`, `foreground`, `execute`, `fork_join`), of signals
(`interrupts`) and of the machine (`system`). Errors are `OSError` throughout, with the numbers of
`errno`.

Two scripts run inside strange interpreters and can import nothing of this: `python.facts` and
`store.compile_worker`.
"""
