/** Progress as one line below a cell that is replaced as work goes on. */
import { html } from "../report/html.ts";
import { display, freshDisplayId, type MimeBundle, updateDisplay } from "./kernel.ts";

export interface KernelLine {
  /** Shows `text` with a bar of `share` (0 … 1, or none); at most five times a second unless `now`. */
  update(text: string, share?: number, now?: boolean): void;
  /** Leaves this last text there. Awaits that it has been sent. */
  finish(text: string): Promise<void>;
}

/** Everything that it shows is marked as volatile: times and speeds differ from run to run. */
export function kernelLine(): KernelLine {
  const id = freshDisplayId();
  let sent: Promise<void> = Promise.resolve(), shown = false, last = -Infinity;
  const send = (bundle: MimeBundle) => {
    const first = !shown;
    shown = true;
    last = performance.now();
    // One after the other: an update that overtakes the first display would be lost.
    sent = sent.then(() =>
      first ? display(bundle, { id, volatile: true }) : updateDisplay(id, bundle, { volatile: true })
    );
  };
  return {
    update(text, share, now = false) {
      if (now || performance.now() - last > 200) send(line(text, share));
    },
    async finish(text) {
      send(line(text));
      await sent;
    },
  };
}

function line(text: string, share?: number): MimeBundle {
  const bar = share === undefined ? "" : html`
    <progress max="1" value="${Math.min(1, Math.max(0, share)).toFixed(3)}"></progress>
  `;
  return {
    "text/html": html`<div style="font-variant-numeric: tabular-nums">${bar}${text}</div>`.markup,
    "text/plain": text,
  };
}
