/** Resumes the run of argument 1 and prints the code of the error that ends it, or "finished". */
import { Cov3dError } from "../../../lib/errors.ts";
import { resume } from "../../../lib/train/train.ts";

try {
  console.log((await resume({ run: Deno.args[0]! })).status);
} catch (error) {
  console.log(error instanceof Cov3dError ? error.code : `${error}`);
}
