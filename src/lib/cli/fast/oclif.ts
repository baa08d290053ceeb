import { type ArgDefinition, type FlagDefinition, parseOrdinary } from "./parse.ts";

/**
 * Stands in for `@oclif/core` in the build of the commands that runs first (scripts/build.ts): the builders
 * and the life cycle that our commands use, and nothing that shows help or errors. A command line that isn't
 * ordinary goes to the real oclif, with the same command classes.
 */
export const Flags = {
  string: (definition: object = {}): FlagDefinition => ({ ...definition, type: "option" }),
  boolean: (definition: object = {}): FlagDefinition => ({ ...definition, type: "boolean" }),
  option: (definition: object) => (): FlagDefinition => ({ ...definition, type: "option" }),
};

export const Args = {
  string: (definition: object = {}): ArgDefinition => ({ ...definition }),
};

type Definitions = {
  flags?: Record<string, FlagDefinition>;
  baseFlags?: Record<string, FlagDefinition>;
  args?: Record<string, ArgDefinition>;
};

export abstract class Command {
  static flags: Record<string, FlagDefinition> = {};
  static baseFlags: Record<string, FlagDefinition> = {};
  static args: Record<string, ArgDefinition> = {};
  static strict = true;

  readonly argv: string[];

  constructor(argv: string[]) {
    this.argv = argv;
  }

  get ctor(): typeof Command {
    return this.constructor as typeof Command;
  }

  /** Runs a command class on its arguments, in oclif's order: init, run, catch, finally. */
  static async run(this: new (argv: string[]) => Command, argv: string[]): Promise<void> {
    const command = new this(argv);
    try {
      await command.init();
      await command.run();
    } catch (error) {
      await command.catch(error);
    } finally {
      await command.finally();
    }
  }

  abstract run(): Promise<void>;

  async init(): Promise<void> {
    // The real one loads plugins' hooks here; there are none.
  }

  protected async parse(
    { flags = {}, baseFlags = {}, args = {} }: Definitions,
    argv: string[],
  ): Promise<object> {
    return parseOrdinary(argv, { flags: { ...baseFlags, ...flags }, args }, process.env);
  }

  async catch(error: unknown): Promise<void> {
    throw error;
  }

  async finally(): Promise<void> {
    // Commands close their connection here.
  }
}
