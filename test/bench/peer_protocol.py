"""How a peer talks: one JSON line when it is ready, then one JSON line for each line that it is sent, until the end."""

import json
import os
import resource
import sys


def peak_resident_bytes():
    """Most memory that this process has had resident (VmHWM on Linux)."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def say(message):
    sys.stdout.write(json.dumps(message) + os.linesep)
    sys.stdout.flush()


def serve(ready, run_round):
    """`run_round(request)` returns the answer to one line of standard input."""
    say(ready)
    for line in sys.stdin:
        say({**run_round(json.loads(line)), "peakBytes": peak_resident_bytes()})
