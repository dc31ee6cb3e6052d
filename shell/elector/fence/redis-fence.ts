/**
 * A fence in Redis: a key with the highest token beside the data, checked by a script in the same step
 * as the write. It takes any client; it needs one function that runs `EVAL`.
 *
 * Redis loses its newest writes when a primary dies before its replica has them, the token included, so
 * this fence is as good as the Redis behind it, and no better.
 *
 * Lua's numbers are doubles, therefore the script compares tokens as text: first their lengths.
 */
import type { Fence } from "./fence.ts";
import { type FenceToken, parseToken, staleToken } from "./token.ts";

/**
 * Runs a script. With ioredis: `(script, keys, values) => redis.eval(script, keys.length, ...keys,
 * ...values)`; with node-redis: `(script, keys, values) => redis.eval(script, { keys, arguments: values })`.
 */
export type RunRedisScript = (script: string, keys: string[], values: string[]) => Promise<unknown>;

/** Answers 1 when the token may pass. A write of the user's own may follow in the same script. */
export const redisFenceScript = `
local highest = redis.call('GET', KEYS[1]) or '0'
local token = ARGV[1]
if #token < #highest or (#token == #highest and token < highest) then return 0 end
redis.call('SET', KEYS[1], token)
if KEYS[2] then redis.call('SET', KEYS[2], ARGV[2]) end
return 1
`;

export class RedisFence implements Fence {
  readonly name: string;
  readonly #run: RunRedisScript;
  readonly #key: string;

  /** On a Redis cluster, `key` and the keys written must share a hash tag: `{fortune}:fence`. */
  constructor(run: RunRedisScript, key: string) {
    this.name = `the Redis key "${key}"`;
    this.#run = run;
    this.#key = key;
  }

  async raise(token: FenceToken): Promise<void> {
    await this.#evaluate(token, [], []);
  }

  /**
   * Sets `key` if no newer leader was here.
   *
   * @throws ClusterError `FENCE_STALE`.
   */
  async set(token: FenceToken, key: string, value: string): Promise<void> {
    await this.#evaluate(token, [key], [value]);
  }

  async #evaluate(token: FenceToken, keys: string[], values: string[]): Promise<void> {
    const script = [this.#key, ...keys];
    const passed = await this.#run(redisFenceScript, script, [parseToken(token), ...values]);
    if (Number(passed) !== 1) throw staleToken(this.name, token);
  }
}
