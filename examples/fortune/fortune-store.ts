/**
 * What outlives a leader: how many cookies were opened, and which was which. One SQLite file that all
 * instances reach; only the leader writes, and the file itself refuses a leader that is one no more.
 *
 * Invariants:
 *   FO1  A write is accepted only with the highest token that the file has seen, checked in the same
 *        transaction: a leader that was frozen and wakes up after its successor acted changes nothing.
 *   FO2  A key opens one cookie, however often it is asked for, by whichever leader.
 *   FO3  A cookie that was answered is in the file; numbers have no gap and none is given twice.
 *
 * The journal is write-ahead with `synchronous = NORMAL`: every kill of a process is survived; a power
 * cut may take the last moments with it.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { SqliteFence } from "prunella/election";

export type Cookie = {
  readonly number: number;
  readonly fortune: string;
  readonly leader: string;
  readonly term: number;
};

/** Who opens: the token of a leadership, and what to write beside the cookie. */
export type Opener = { readonly token: string; readonly term: number; readonly leader: string };

/** Keys older than that many cookies are forgotten: nobody repeats a request that late. */
const keysMax = 10_000;
/** How long another process may hold the file; a transaction takes well under a millisecond. */
const busyMs = 250;

export class FortuneStore {
  readonly #database: DatabaseSync;
  readonly #fence: SqliteFence;
  readonly #fortunes: readonly string[];
  readonly #known: StatementSync;
  readonly #insert: StatementSync;
  readonly #forget: StatementSync;
  readonly #last: StatementSync;

  constructor(path: string, fortunes: readonly string[]) {
    this.#fortunes = fortunes;
    const database = opened(path);
    this.#database = database;
    this.#fence = new SqliteFence(database, { resource: "fortune" });
    this.#known = database.prepare(
      "SELECT number, fortune, leader, term FROM cookie WHERE key = ?1",
    );
    this.#insert = database.prepare("INSERT INTO cookie VALUES (?, ?, ?, ?, ?)");
    this.#forget = database.prepare("DELETE FROM cookie WHERE number <= ?");
    this.#last = database.prepare("SELECT COALESCE(MAX(number), 0) AS number FROM cookie");
  }

  /**
   * A new leader does this before anybody hears of it: from here on its predecessor is refused.
   *
   * @throws ClusterError `FENCE_STALE` when a newer leader was here already.
   */
  async raise(token: string): Promise<void> {
    await this.#fence.raise(token);
  }

  /**
   * Opens a cookie for each key, or finds the one that the key has opened before.
   *
   * @throws ClusterError `FENCE_STALE` when a newer leader was here; nothing was written then.
   */
  open(opener: Opener, keys: readonly string[]): readonly Cookie[] {
    return this.#fence.transaction(opener.token, () => {
      const cookies = keys.map((key) => this.#openOne(opener, key));
      this.#forget.run(this.opened() - keysMax);
      return cookies;
    });
  }

  /** Cookies opened since the beginning. */
  opened(): number {
    return Number(this.#last.get()?.["number"]);
  }

  close(): void {
    this.#database.close();
  }

  #openOne({ leader, term }: Opener, key: string): Cookie {
    const known = this.#known.get(key);
    if (known !== undefined) return cookieOf(known);
    const number = this.opened() + 1;
    const fortune = this.#fortuneOf(number);
    this.#insert.run(number, key, fortune, leader, term);
    return { number, fortune, leader, term };
  }

  /** Each fortune once before any comes again: the stride and the count share no divisor. */
  #fortuneOf(number: number): string {
    return this.#fortunes[(number * stride) % this.#fortunes.length] ?? "";
  }
}

/** @throws Error that says what to do, when the file is damaged or its disk is full. */
function opened(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyMs });
  try {
    database.exec(schema);
    return database;
  } catch (error) {
    database.close();
    const why = error instanceof Error ? error.message : `${error}`;
    const message = `${path} cannot hold fortunes: ${why}. If its disk is full, make room. If it is damaged, bring back a copy, or move it away: then fortunes are counted from 1.`;
    throw new Error(message, { cause: error });
  }
}

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS cookie (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, fortune TEXT NOT NULL,
    leader TEXT NOT NULL, term INTEGER NOT NULL
  );
`;

/** A prime that is larger than the number of fortunes. */
const stride = 7_919;

function cookieOf(row: Record<string, unknown>): Cookie {
  return {
    number: Number(row["number"]),
    fortune: String(row["fortune"]),
    leader: String(row["leader"]),
    term: Number(row["term"]),
  };
}
