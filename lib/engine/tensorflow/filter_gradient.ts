/**
 * The filter gradient by the faster of two routes, TensorFlow's operator and matrix products, as timed on this machine.
 * Convolutions that cost little keep the operator, whose bits their records have.
 */
import { cpus } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../errors.ts";
import { cacheRoot } from "../../paths.ts";
import type { Tensor5D } from "../../tf.ts";
import { TimedChoices, type TimedWay } from "../timed_choices.ts";
import type { Conv3dGeometry } from "../types.ts";
import { filterGradProducts } from "./filter_products.ts";
import type { Operators } from "./operators.ts";

type Shape5D = Tensor5D["shape"];

/** Multiply-accumulates from which a route is chosen. */
const costly = 2 ** 27;
/** With fewer channels the products are too thin to be worth a try (the stem). */
const fewestChannels = 16;

/** Numbers in x and dy from which the operator is not tried: it lays both out anew, which takes as much memory again. */
const tooLarge = 2 ** 28;

const routes = ["operator", "products"] as const;
type Route = typeof routes[number];

/** Times depend on these; the table's folder is named for them. */
export function routeTable(library: string): TimedChoices {
  const threads = Deno.env.get("TF_NUM_INTRAOP_THREADS") || navigator.hardwareConcurrency;
  const name = [cpus()[0]?.model ?? "unknown", `${threads} threads`, `TensorFlow ${library}`, "2"].join(" ");
  return new TimedChoices(join(cacheRoot(), "tensorflow-routes", name.replaceAll(/[^A-Za-z0-9.]+/g, "-")));
}

export class FilterGradient {
  private readonly forced = forcedRoute();

  /** Without a table (on a GPU) the operator alone is used. */
  constructor(private readonly operators: Operators, private readonly table: TimedChoices | undefined) {}

  /** `operator` runs Conv3DBackpropFilterV2. */
  run(x: Tensor5D, dy: Tensor5D, filterShape: Shape5D, geometry: Conv3dGeometry, operator: () => Tensor5D): Tensor5D {
    const products = () => filterGradProducts(this.operators, x, dy, filterShape, geometry);
    if (this.forced !== undefined) return this.forced === "products" ? products() : operator();
    if (this.table === undefined || !isCostly(dy, filterShape)) return operator();
    if (x.size + dy.size >= tooLarge) return products();
    const run: Record<Route, () => Tensor5D> = { operator, products };
    const ways = routes.map((name): TimedWay<Tensor5D> => ({ name, run: run[name] }));
    return this.table.run(keyOf(x, filterShape, geometry), ways, (gradient) => gradient.dispose());
  }
}

function isCostly(dy: Tensor5D, [depth, height, width, inputs, outputs]: Shape5D): boolean {
  return Math.min(inputs, outputs) >= fewestChannels && dy.size * depth * height * width * inputs >= costly;
}

function keyOf(x: Tensor5D, filterShape: Shape5D, { stride, padding }: Conv3dGeometry): string {
  const parts = [x.shape, filterShape, stride, padding].map((numbers) => numbers.join("x"));
  return `filter-gradient-${parts.join("-")}`;
}

/** COV3D_FILTER_GRADIENT=operator|products takes one route for everything (for comparisons and tests). */
function forcedRoute(): Route | undefined {
  const named = Deno.env.get("COV3D_FILTER_GRADIENT");
  if (!named || named === "timed") return undefined;
  const route = routes.find((name) => name === named);
  if (route !== undefined) return route;
  throw new ConfigError("engine.tensorflow.route", "COV3D_FILTER_GRADIENT names no route", {
    expected: ["timed", ...routes].join(", "),
    found: named,
  });
}
