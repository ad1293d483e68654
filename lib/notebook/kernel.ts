/** What the Deno Jupyter kernel offers, and nothing where there is none. */

/** One thing in several formats; a front end takes the richest that it knows. */
export interface MimeBundle {
  readonly "text/plain"?: string;
  readonly "text/html"?: string;
  readonly "text/markdown"?: string;
  readonly "image/svg+xml"?: string;
  /** Base64. */
  readonly "image/png"?: string;
}

export interface DisplayOptions {
  /** Under this name the output can be replaced later. */
  readonly id?: string;
  /** Times, speeds, names of machines: written into the output's metadata, so that a comparison can leave it out. */
  readonly volatile?: boolean;
}

interface JupyterApi {
  broadcast(message: string, content: Record<string, unknown>): Promise<void>;
}

/** Outside the kernel `Deno.jupyter` is a property that throws; its type exists with an unstable flag alone. */
function jupyter(): JupyterApi | undefined {
  try {
    return (Deno as unknown as { readonly jupyter?: JupyterApi }).jupyter;
  } catch {
    return undefined;
  }
}

const api = jupyter();

/** Whether this code runs in a Jupyter kernel. */
export function isKernel(): boolean {
  return api !== undefined;
}

/** Shows a bundle below the running cell. Nothing outside a kernel. */
export async function display(bundle: MimeBundle, { id, volatile }: DisplayOptions = {}): Promise<void> {
  await api?.broadcast("display_data", {
    data: bundle,
    metadata: volatile ? { cov3d: { volatile } } : {},
    transient: id === undefined ? {} : { display_id: id },
  });
}

/** Replaces everything that was shown under `id`, whichever cell it is below. */
export async function updateDisplay(
  id: string,
  bundle: MimeBundle,
  { volatile }: Omit<DisplayOptions, "id"> = {},
): Promise<void> {
  await api?.broadcast("update_display_data", {
    data: bundle,
    metadata: volatile ? { cov3d: { volatile } } : {},
    transient: { display_id: id },
  });
}

/** The kernel can lose what a cell prints in its last 30 ms: wait this long at its end. */
export async function settle(): Promise<void> {
  if (isKernel()) await new Promise((resolve) => setTimeout(resolve, 50));
}

let displays = 0;

/** An id that no other display of this kernel session has. */
export function freshDisplayId(): string {
  return `cov3d-${Deno.pid}-${++displays}`;
}
