/**
 * Statements that are built and compiled once. Kysely builds its tree and its text anew at each
 * call, which costs more than sending a small query; hot paths keep the compiled text instead.
 */
import type { Compilable, CompiledQuery, Kysely } from "kysely";
import type { Database } from "../schema.ts";

/** Stands for an argument while the statement is built. */
class Placeholder {
  readonly name: PropertyKey;
  constructor(name: PropertyKey) {
    this.name = name;
  }
}

/** Where an argument goes: `param("userId")` in place of the value. */
export type Param<Args> = <Name extends keyof Args>(name: Name) => Args[Name];

export type PreparedStatement<Args, Row> = (
  db: Kysely<Database>,
  args: Args,
) => Promise<readonly Row[]>;

/**
 * A function that runs the statement of `build` with its arguments, also in a transaction. `build`
 * runs once, so nothing in it may depend on an argument's value: no `in` lists, no `null` tests.
 */
export function prepareStatement<Args extends object, Row>(
  build: (db: Kysely<Database>, param: Param<Args>) => Compilable<Row>,
): PreparedStatement<Args, Row> {
  let compiled: CompiledQuery<Row> | undefined;
  return async (db, args) => {
    // A value of the argument's type for the builder only; it is replaced before anything is sent.
    compiled ??= build(db, (name) => new Placeholder(name) as never).compile();
    const parameters = compiled.parameters.map((parameter) =>
      parameter instanceof Placeholder ? args[parameter.name as keyof Args] : parameter
    );
    return (await db.executeQuery<Row>({ ...compiled, parameters })).rows;
  };
}
