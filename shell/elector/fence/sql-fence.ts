/**
 * A fence in the database that the leader writes to: one row per resource, checked and raised inside
 * the transaction of the write itself, so that both happen or neither does.
 *
 * `SqlFence` works with any client: give it a function that runs one statement and tells how many rows
 * it touched. `SqliteFence` is the same for `node:sqlite`, where everything happens at once.
 *
 * Works on SQLite, PostgreSQL, MySQL and MariaDB. The row counts its uses, because MySQL reports an
 * update that changes nothing as no update.
 */
import type { DatabaseSync } from "node:sqlite";
import { ClusterError } from "@prunella/core/kernel";
import type { Fence } from "./fence.ts";
import { type FenceToken, parseToken, staleToken } from "./token.ts";

/** Runs one statement on the connection, and in the transaction, of the write that it protects. */
export type RunSql = (sql: string, values: readonly string[]) => Promise<{ readonly rows: number }>;

export type SqlFenceOptions = {
  /** The resource that this token protects, for example the name of the service. */
  readonly resource: string;
  /** How values are written in a statement: `?` (SQLite, MySQL, MariaDB) or `$1` (PostgreSQL). */
  readonly placeholders?: "question" | "dollar";
  /** Default `prunella_fences`. */
  readonly table?: string;
  /** For `raise` and `prepare`, which need no transaction. */
  readonly run: RunSql;
};

const tablePattern = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const tableDefault = "prunella_fences";

type Statements = { readonly create: string; readonly insert: string; readonly admit: string };

export class SqlFence implements Fence {
  readonly name: string;
  readonly #run: RunSql;
  readonly #resource: string;
  readonly #statements: Statements;
  #isPrepared = false;

  constructor(options: SqlFenceOptions) {
    this.name = `the database row "${options.resource}"`;
    this.#run = options.run;
    this.#resource = options.resource;
    this.#statements = statementsFor(options.table ?? tableDefault, options.placeholders);
  }

  /** Creates the table and the row where they are missing. */
  async prepare(): Promise<void> {
    if (this.#isPrepared) return;
    await this.#run(this.#statements.create, []);
    await this.#run(this.#statements.insert, [this.#resource, this.#resource]);
    this.#isPrepared = true;
  }

  /**
   * Lets the transaction that `run` belongs to go on, or throws; then roll it back.
   *
   * @throws ClusterError `FENCE_STALE`.
   */
  async admit(token: FenceToken, run: RunSql): Promise<void> {
    const values = [narrow(token), this.#resource, token];
    const { rows } = await run(this.#statements.admit, values);
    if (rows !== 1) throw staleToken(this.name, token);
  }

  async raise(token: FenceToken): Promise<void> {
    await this.prepare();
    await this.admit(token, this.#run);
  }
}

export class SqliteFence implements Fence {
  readonly name: string;
  readonly #database: DatabaseSync;
  readonly #resource: string;
  readonly #statements: Statements;

  constructor(database: DatabaseSync, options: Pick<SqlFenceOptions, "resource" | "table">) {
    this.name = `the database row "${options.resource}"`;
    this.#database = database;
    this.#resource = options.resource;
    this.#statements = statementsFor(options.table ?? tableDefault, "question");
    database.exec(this.#statements.create);
    database.prepare(this.#statements.insert).run(options.resource, options.resource);
  }

  /**
   * Runs `write` in a transaction that only the newest leader can commit.
   *
   * @throws ClusterError `FENCE_STALE`, or what `write` threw; nothing was changed then.
   */
  transaction<T>(token: FenceToken, write: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      this.#admit(token);
      const result = write();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      // On a full disk SQLite has rolled back itself; to ask again would hide what happened.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  async raise(token: FenceToken): Promise<void> {
    this.transaction(token, () => undefined);
  }

  #admit(token: FenceToken): void {
    const statement = this.#database.prepare(this.#statements.admit);
    const { changes } = statement.run(BigInt(narrow(token)), this.#resource, BigInt(token));
    if (Number(changes) !== 1) throw staleToken(this.name, token);
  }
}

function narrow(token: FenceToken): FenceToken {
  if (parseToken(token).length < 32) return token;
  throw new ClusterError("CONFIG_INVALID", {
    message:
      "A token of 128 bits does not fit into BIGINT. Give each member of the election a number.",
  });
}

function statementsFor(
  table: string,
  placeholders: "question" | "dollar" = "question",
): Statements {
  if (!tablePattern.test(table)) {
    throw new ClusterError("CONFIG_INVALID", {
      message: `"${table}" cannot name a table of fences; use letters, digits and underscores.`,
    });
  }
  const value = (n: number): string => (placeholders === "dollar" ? `$${n}` : "?");
  return {
    create: `CREATE TABLE IF NOT EXISTS ${table} (resource VARCHAR(190) PRIMARY KEY, token BIGINT NOT NULL, uses BIGINT NOT NULL)`,
    insert: `INSERT INTO ${table} (resource, token, uses) SELECT ${value(1)}, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE resource = ${value(2)})`,
    admit: `UPDATE ${table} SET token = ${value(1)}, uses = uses + 1 WHERE resource = ${value(2)} AND token <= ${value(3)}`,
  };
}
