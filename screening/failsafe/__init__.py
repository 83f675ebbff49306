"""Nobody with a positive result is lost: who must act, who has tried, who is told when nothing happens, and the checks.

What holds now (a step's level, who owns it, who is late) is computed from the rounds each time it is asked for; nothing
here can be out of date. The nightly run only notes what it saw, so that one can look back.
"""
