/** The public scans of the experiment: folders in COV19-CT-DB layout and `scan_patients.csv` with patients and folds. */
import { join } from "node:path";
import Papa from "papaparse";
import { DataError } from "../../../lib/errors.ts";
import { sliceOrder } from "../../../lib/data/slices.ts";

export interface FoldScan {
  /** Folder name, unique in this set. */
  readonly id: string;
  readonly patient: string;
  /** 0…4, patient-grouped and label-stratified. */
  readonly fold: number;
  /** True = COVID-19. */
  readonly presence: boolean;
  readonly folder: string;
  /** File names from apex to base. */
  readonly slices: readonly string[];
}

interface PatientRow {
  readonly scan: string;
  readonly patient: string;
  readonly fold: string;
}

/** Both official splits together: the folds replace them. Sorted by id. */
export async function listScans(directory: string): Promise<FoldScan[]> {
  const patients = await readPatients(join(directory, "scan_patients.csv"));
  const scans: FoldScan[] = [];
  for (const split of ["train", "validation"]) {
    for (const kind of ["covid", "non-covid"]) {
      const parent = join(directory, split, kind);
      for await (const { name } of Deno.readDir(parent)) {
        const row = patients.get(name);
        if (row === undefined) {
          throw new DataError("sars.patient", "scan has no patient", {
            file: join(parent, name),
            expected: "a row in scan_patients.csv",
          });
        }
        const folder = join(parent, name);
        const slices = sliceOrder(Array.from(Deno.readDirSync(folder), (entry) => entry.name));
        scans.push({
          id: name,
          patient: row.patient,
          fold: Number(row.fold),
          presence: kind === "covid",
          folder,
          slices,
        });
      }
    }
  }
  return scans.sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function readPatients(file: string): Promise<Map<string, PatientRow>> {
  const { data } = Papa.parse<PatientRow>(await Deno.readTextFile(file), {
    header: true,
    delimiter: ";",
    skipEmptyLines: true,
  });
  return new Map(data.map((row) => [row.scan, row]));
}
