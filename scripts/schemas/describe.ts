import * as z from "zod/mini";

/**
 * Words about schemas. They are kept beside the schemas and not in them, because comments don't reach JSON Schema
 * and zod's own registry of descriptions would be filled at each start of the command line and the daemon.
 */
export class Descriptions {
  readonly registry = z.registry<{ id?: string; title?: string; description?: string }>();

  /** What a schema is. With an `id` it is published once, under `$defs`, and referred to elsewhere. */
  add(schema: z.core.$ZodType, what: { id?: string; title?: string; description?: string }): void {
    this.registry.add(schema, what);
  }

  /** What an object is, and what those of its fields mean whose names don't say it. */
  object<S extends z.core.$ZodShape>(
    schema: z.ZodMiniObject<S, z.core.$ZodObjectConfig>,
    what: { id?: string; title?: string; description: string },
    fields: { [F in keyof S]?: string } = {},
  ): void {
    this.add(schema, what);
    for (const [name, description] of Object.entries(fields)) {
      const field = schema.shape[name];
      if (field === undefined || description === undefined) continue;
      const known = this.registry.get(field)?.description;
      if (known !== undefined && known !== description) {
        throw new Error(`${what.id ?? what.title}.${name} is one schema with another field: "${known}"`);
      }
      this.add(field, { description });
    }
  }
}
