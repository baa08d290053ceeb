import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

export const SCHEMAS = join(import.meta.dirname, "../../schemas");

/** Compiles a published schema as any other program would: from its file, with nothing else at hand. */
export function publishedSchema(name: string): ValidateFunction {
  const schema = JSON.parse(readFileSync(join(SCHEMAS, `${name}.schema.json`), "utf8"));
  return new Ajv2020({ allErrors: true }).compile(schema);
}

/** What of the values doesn't fit the schema, each with the value that it is about. */
export function misfits(validate: ValidateFunction, values: readonly unknown[]): unknown[] {
  return values.flatMap((value) =>
    validate(value)
      ? []
      : [{ value, errors: validate.errors?.map((error) => `${error.instancePath} ${error.message}`) }],
  );
}
