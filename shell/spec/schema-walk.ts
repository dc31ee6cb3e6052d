/** Finds the object schema at a path: for "did you mean", and for the reference page. */
import { z } from "zod";
import type { Path } from "./complaint.ts";

/** The schema below `optional` and shorthand wrappers. */
export function bareSchema(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional) return bareSchema(schema.unwrap());
  if (schema instanceof z.ZodPipe) return bareSchema(schema.def.out);
  return schema;
}

/** Names of the fields that may stand at `path` below `schema`; empty when it is no object. */
export function fieldNames(schema: unknown, path: Path): readonly string[] {
  let here = bareSchema(schema);
  for (const part of path) {
    if (here instanceof z.ZodArray) here = bareSchema(here.element);
    else if (here instanceof z.ZodObject) here = bareSchema(here.shape[part]);
    else return [];
  }
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
}
