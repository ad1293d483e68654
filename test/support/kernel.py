"""A Jupyter kernel by way of jupyter_client, driven over standard input and output, one JSON document a line.

Arguments: folder in which the kernel starts.
Requests:  {"execute": code, "interrupt_at": text or null}   interrupts at the first output that holds the text
           {"interrupt": true}                               interrupts now, whatever the kernel does
Replies:   {"outputs": [...], "status": "ok"|"error"|"died", "seconds": s} ; {"alive": bool}
"""
import json
import queue
import sys
import time

from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel(startup_timeout=120, kernel_name="deno", cwd=sys.argv[1])


def reply(**fields):
    print(json.dumps(fields), flush=True)


def next_message():
    """The next message, or None when the kernel has died."""
    while True:
        try:
            return client.get_iopub_msg(timeout=1)
        except queue.Empty:
            if not manager.is_alive():
                return None


def execute(code, interrupt_at):
    began, outputs, status = time.monotonic(), [], "ok"
    request = client.execute(code)
    while True:
        message = next_message()
        if message is None:
            return reply(outputs=outputs, status="died", seconds=time.monotonic() - began)
        if message["parent_header"].get("msg_id") != request:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            return reply(outputs=outputs, status=status, seconds=time.monotonic() - began)
        if kind in ("status", "execute_input"):
            continue
        if kind == "error":
            status = "error"
        outputs.append({"type": kind, "content": content})
        if interrupt_at is not None and interrupt_at in json.dumps(content, ensure_ascii=False):
            manager.interrupt_kernel()
            interrupt_at = None


try:
    reply(alive=manager.is_alive())
    for line in sys.stdin:
        task = json.loads(line)
        if "execute" in task:
            execute(task["execute"], task.get("interrupt_at"))
        else:
            manager.interrupt_kernel()
            time.sleep(0.3)
            reply(alive=manager.is_alive())
finally:
    manager.shutdown_kernel(now=True)
