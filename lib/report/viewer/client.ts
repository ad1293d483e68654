/**
 * What runs in the page. The function is written into it as text, so it can use nothing but its arguments and what a
 * browser has.
 */

export interface ViewerData {
  readonly grey: { readonly image: string; readonly columns: number };
  readonly overlay: { readonly image: string; readonly columns: number } | null;
  readonly shape: readonly [number, number, number];
  /** Extent of a voxel along depth, height and width, in any one unit. */
  readonly spacing: readonly [number, number, number];
  /** Original value of grey 0 and grey 255, and the window that is shown first. */
  readonly range: readonly [number, number];
  readonly window: readonly [number, number];
  readonly unit: string;
  readonly overlayLabel: string;
  readonly slice: number;
  /** Markup of canvas and controls: pages that take no scripts must not show dead controls. */
  readonly controls: string;
}

/** Brings the viewer in `root` to life; its markup is made by viewer.ts. */
export function sliceViewerClient(root: HTMLElement, data: ViewerData): void {
  if (root.dataset.ready) return;
  root.dataset.ready = "yes";
  root.insertAdjacentHTML("beforeend", data.controls);
  const find = <T extends Element>(role: string) =>
    root.querySelector<HTMLElement>(`[data-role="${role}"]`) as unknown as T;
  const canvas = find<HTMLCanvasElement>("canvas"), label = find<HTMLElement>("label");
  const slider = find<HTMLInputElement>("slice"), plane = find<HTMLSelectElement>("plane");
  const centre = find<HTMLInputElement>("centre"), width = find<HTMLInputElement>("width");
  const opacity = find<HTMLInputElement>("opacity") as HTMLInputElement | null;
  const [depth, height, columns] = data.shape;
  const planes = {
    axial: { count: depth, rows: height, columns, aspect: [data.spacing[1], data.spacing[2]] as const },
    coronal: { count: height, rows: depth, columns, aspect: [data.spacing[0], data.spacing[2]] as const },
    sagittal: { count: columns, rows: depth, columns: height, aspect: [data.spacing[0], data.spacing[1]] as const },
  };
  type PlaneName = keyof typeof planes;
  const places: Record<PlaneName, number> = {
    axial: data.slice,
    coronal: Math.floor(height / 2),
    sagittal: Math.floor(columns / 2),
  };
  const current = () => plane.value as PlaneName;
  let grey: Uint8Array, heat: Uint8Array | null = null;

  async function decode({ image, columns: across }: { image: string; columns: number }): Promise<Uint8Array> {
    const picture = new Image();
    picture.src = image;
    await picture.decode();
    const page = document.createElement("canvas");
    page.width = picture.width;
    page.height = picture.height;
    const context = page.getContext("2d", { willReadFrequently: true })!;
    context.drawImage(picture, 0, 0);
    const rgba = context.getImageData(0, 0, page.width, page.height).data;
    const voxels = new Uint8Array(depth * height * columns);
    for (let z = 0, at = 0; z < depth; z++) {
      const left = (z % across) * columns, top = Math.floor(z / across) * height;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < columns; x++) voxels[at++] = rgba[4 * ((top + y) * page.width + left + x)]!;
      }
    }
    return voxels;
  }

  function voxelAt(name: PlaneName, slice: number, row: number, column: number): number {
    if (name === "axial") return (slice * height + row) * columns + column;
    if (name === "coronal") return (row * height + slice) * columns + column;
    return (row * height + column) * columns + slice;
  }

  function draw(): void {
    const name = current(), { count, rows, columns: across, aspect } = planes[name], slice = places[name];
    canvas.width = across;
    canvas.height = rows;
    const ratio = (rows * aspect[0]) / (across * aspect[1]);
    canvas.style.aspectRatio = String(1 / ratio);
    canvas.style.width = ratio > 1 ? `${100 / ratio}%` : "100%";
    const context = canvas.getContext("2d")!, picture = context.createImageData(across, rows);
    const low = Number(centre.value) - Number(width.value) / 2;
    const scale = (data.range[1] - data.range[0]) / 255, share = opacity === null ? 0 : Number(opacity.value) / 100;
    for (let row = 0, at = 0; row < rows; row++) {
      for (let column = 0; column < across; column++, at += 4) {
        const voxel = voxelAt(name, slice, row, column);
        const value = data.range[0] + grey[voxel]! * scale;
        const shade = 255 * Math.min(1, Math.max(0, (value - low) / Number(width.value)));
        const h = heat === null ? 0 : heat[voxel]! / 255, mix = h * share;
        const colour = [
          255 * Math.min(1, 0.35 + 1.6 * h),
          255 * Math.min(1, Math.max(0, 1.7 * h - 0.35)),
          255 * Math.min(1, Math.max(0, 2.5 * h - 1.6)),
        ];
        for (let c = 0; c < 3; c++) picture.data[at + c] = (1 - mix) * shade + mix * colour[c]!;
        picture.data[at + 3] = 255;
      }
    }
    context.putImageData(picture, 0, 0);
    slider.max = String(count - 1);
    slider.value = String(slice);
    label.textContent = `${name} ${slice + 1}/${count} · window ${round(low)} … ${round(low + Number(width.value))}` +
      `${data.unit === "" ? "" : ` ${data.unit}`}${
        opacity === null ? "" : ` · ${data.overlayLabel} ${opacity.value} %`
      }`;
    canvas.setAttribute("aria-label", label.textContent);
  }

  function round(value: number): string {
    return value.toFixed(data.range[1] - data.range[0] > 10 ? 0 : 2);
  }

  function move(by: number): void {
    const name = current();
    places[name] = Math.min(planes[name].count - 1, Math.max(0, places[name] + by));
    draw();
  }

  function change(input: HTMLInputElement | null, by: number): void {
    if (input === null) return;
    input.value = String(Number(input.value) + by);
    draw();
  }

  function onKey(event: KeyboardEvent): void {
    const step = (data.range[1] - data.range[0]) / 50;
    const actions: Record<string, () => void> = {
      ArrowUp: () => move(1),
      ArrowDown: () => move(-1),
      PageUp: () => move(10),
      PageDown: () => move(-10),
      Home: () => move(-1e9),
      End: () => move(1e9),
      a: () => select("axial"),
      c: () => select("coronal"),
      s: () => select("sagittal"),
      "[": () => change(opacity, -10),
      "]": () => change(opacity, 10),
      "-": () => change(width, -step),
      "+": () => change(width, step),
      ",": () => change(centre, -step),
      ".": () => change(centre, step),
      "0": reset,
    };
    const action = actions[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  function select(name: PlaneName): void {
    plane.value = name;
    draw();
  }

  function reset(): void {
    centre.value = String((data.window[0] + data.window[1]) / 2);
    width.value = String(data.window[1] - data.window[0]);
    draw();
  }

  let dragged: { x: number; y: number; centre: number; width: number } | null = null;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.focus();
    canvas.setPointerCapture(event.pointerId);
    dragged = { x: event.clientX, y: event.clientY, centre: Number(centre.value), width: Number(width.value) };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (dragged === null) return;
    const step = (data.range[1] - data.range[0]) / 300;
    width.value = String(Math.max(step, dragged.width + (event.clientX - dragged.x) * step));
    centre.value = String(dragged.centre + (event.clientY - dragged.y) * step);
    draw();
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => dragged = null);
  canvas.addEventListener("dblclick", reset);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    move(event.deltaY < 0 ? 1 : -1);
  }, { passive: false });
  canvas.addEventListener("keydown", onKey);
  slider.addEventListener("input", () => {
    places[current()] = Number(slider.value);
    draw();
  });
  plane.addEventListener("change", draw);
  for (const input of [centre, width, opacity]) input?.addEventListener("input", draw);

  (async () => {
    grey = await decode(data.grey);
    heat = data.overlay === null ? null : await decode(data.overlay);
    reset();
    find<HTMLElement>("static").style.display = "none";
    find<HTMLElement>("live").style.display = "";
    root.dataset.ready = "drawn";
  })().catch((error) => {
    root.dataset.ready = "failed";
    find<HTMLElement>("static").title = `the interactive viewer cannot run here: ${error}`;
  });
}
