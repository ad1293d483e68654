/** Weights and gradients rearranged in panels of 8 channels, as the matrix kernels read them. */
import type { Heap, Take } from "../heap.ts";
import { panelChannels } from "../kernels/convolution.ts";
import type { Phase } from "../../convolution/phases.ts";
import type { ConvolutionSizes } from "../../convolution/sizes.ts";

/** Weights in panels of 8 channels: [panel][depth tap · height tap][width tap · source channel][8]. */
export interface PackedWeights {
  readonly address: number;
  readonly panels: number;
  readonly panelBytes: number;
}

/** A dense matrix [rows, channels] as panels [panel][row][8], zero where a panel is not full. */
export function packRows(heap: Heap, take: Take, source: number, rows: number, channels: number): PackedWeights {
  const panels = Math.ceil(channels / panelChannels), panelBytes = 4 * panelChannels * rows;
  const address = take(panels * panelBytes);
  for (let panel = 0; panel < panels; panel++) {
    const lanes = Math.min(panelChannels, channels - panel * panelChannels);
    const from = source + 4 * panel * panelChannels, to = address + panel * panelBytes;
    if (lanes === panelChannels) heap.kernels.packPanel(from, to, rows, 4 * channels);
    else {
      heap.f32.fill(0, to / 4, (to + panelBytes) / 4);
      heap.kernels.packLanes(from, to, rows, 4 * channels, 4, lanes);
    }
  }
  return { address, panels, panelBytes };
}

/** Weights of one phase with input and output channels exchanged: panels [panel of in][taps][out][8]. */
export function packTransposed(
  heap: Heap,
  take: Take,
  w: number,
  { kernel, inputChannels, outputChannels }: ConvolutionSizes,
  [depths, heights, widths]: readonly [Phase, Phase, Phase],
): PackedWeights {
  const panels = Math.ceil(inputChannels / panelChannels);
  const tapBytes = 4 * panelChannels * outputChannels;
  const panelBytes = tapBytes * depths.taps.length * heights.taps.length * widths.taps.length;
  const address = take(panels * panelBytes);
  heap.f32.fill(0, address / 4, (address + panels * panelBytes) / 4);
  for (let panel = 0; panel < panels; panel++) {
    const lanes = Math.min(panelChannels, inputChannels - panel * panelChannels);
    let to = address + panel * panelBytes;
    for (const d of depths.taps) {
      for (const h of heights.taps) {
        for (const v of widths.taps) {
          const tap = (d * kernel[1] + h) * kernel[2] + v;
          const from = w + 4 * outputChannels * (tap * inputChannels + panel * panelChannels);
          heap.kernels.packLanes(from, to, outputChannels, 4, 4 * outputChannels, lanes);
          to += tapBytes;
        }
      }
    }
  }
  return { address, panels, panelBytes };
}
