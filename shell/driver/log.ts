/**
 * How the shell speaks to whoever runs it: constant messages, data in fields. Four levels, each with
 * a meaning: `error` somebody must act, `warn` healed itself, `info` a change of role or membership,
 * `debug` transcripts.
 */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

/** Says nothing. For tests and for callers who listen to facts instead. */
export const silentLog: Log = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
};
