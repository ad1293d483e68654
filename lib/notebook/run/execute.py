"""Executes notebooks with nbclient. Reads a JSON task on stdin, writes one JSON line per event on stdout.

Task: {"notebooks": [{"source": path, "target": path}], "cwd": folder, "timeout": seconds per cell}
Events: {"event": "cell", "notebook", "cell", "cells", "seconds"}, {"event": "done", "notebook", "seconds"},
        {"event": "error", "notebook", "cell", "name", "message"}
"""
import json
import signal
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError


def say(**event):
    print(json.dumps(event), flush=True)


def execute(source, target, cwd, timeout):
    book = nbformat.read(source, as_version=4)
    client = NotebookClient(
        book, kernel_name="deno", timeout=timeout, startup_timeout=120, resources={"metadata": {"path": cwd}}
    )
    code = [index for index, cell in enumerate(book.cells) if cell.cell_type == "code"]
    index, began = 0, time.monotonic()
    try:
        with client.setup_kernel():
            for index in code:
                cell_began = time.monotonic()
                client.execute_cell(book.cells[index], index)
                say(event="cell", notebook=source, cell=index, cells=len(code), seconds=time.monotonic() - cell_began)
        nbformat.write(book, target)
        say(event="done", notebook=source, seconds=time.monotonic() - began)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        name = getattr(error, "ename", type(error).__name__)
        message = getattr(error, "evalue", str(error))
        say(event="error", notebook=source, cell=index, name=name, message=message)


def stop(*_):
    raise SystemExit(143)


# An end that can be caught: leaving `setup_kernel` ends the kernel too, which would live on otherwise.
signal.signal(signal.SIGTERM, stop)
task = json.load(sys.stdin)
for book in task["notebooks"]:
    execute(book["source"], book["target"], task["cwd"], task["timeout"])
