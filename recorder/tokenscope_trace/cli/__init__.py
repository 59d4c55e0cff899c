"""The two command lines, and what they say on a terminal.

In: words of a shell. Out: files, lines on stderr, exit codes. Nothing else imports this package.
"""
