/**
 * The gateway as a library: the data path in your own process, without an agent.
 */
import { ClusterError } from "@prunella/core/kernel";
import { parseView, type View } from "@prunella/wire/view";
import { DataPath, type ListenAddress } from "./data-path.ts";
import { checkOptions, type GatewayOptions } from "./gateway-options.ts";
import type { DataPathSnapshot, TcpPortSnapshot } from "./observation/snapshot.ts";
import { fixedView } from "./static-view.ts";
import { CurrentView } from "./view/current-view.ts";

export interface Gateway extends AsyncDisposable {
  /** In the order of `listeners`; here one finds the port when 0 was asked for. */
  readonly addresses: readonly ListenAddress[];
  snapshot(): DataPathSnapshot;
  /** Stops accepting and resolves when the last request ended, after `deadlineMs` at the latest. */
  drain(deadlineMs?: number): Promise<void>;
  /** Ends everything at once. */
  close(): Promise<void>;
}

/**
 * Starts a gateway in this process and resolves once it listens.
 *
 * @throws ClusterError `PORT_TAKEN`, whatever else `listen` of the system says, and ClusterError
 *   `CONFIG_INVALID` that names every option which is wrong.
 *
 * @example
 * ```ts
 * await using gateway = await createGateway({
 *   listeners: [{ host: "127.0.0.1", port: 8080 }],
 *   services: [{ name: "hello", members: ["127.0.0.1:3001", "127.0.0.1:3002"] }],
 * });
 * ```
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  checkOptions(options);
  const { listeners, services, cluster = "gateway", onRefused, ...forDataPath } = options;
  const dataPath = new DataPath({ cluster, ...forDataPath });
  const current = new CurrentView(cluster, dataPath);
  const isFixed = !(Symbol.asyncIterator in services);
  if (isFixed) current.offer(fixedView(cluster, services), true);
  const following = isFixed ? undefined : follow(services, current, onRefused);
  try {
    const addresses = await Promise.all(listeners.map((listener) => dataPath.listen(listener)));
    await dataPath.tcpSettled();
    const refused = isFixed ? dataPath.snapshot().tcpPorts.find(({ open }) => !open) : undefined;
    if (refused !== undefined) throw portRefused(refused);
    const close = async () => {
      following?.stop();
      await dataPath.close();
    };
    return {
      addresses,
      snapshot: () => dataPath.snapshot(),
      drain: (deadlineMs) => dataPath.drain(deadlineMs),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    following?.stop();
    await dataPath.close();
    throw error;
  }
}

/** Applies views until they end or somebody says stop. A source that fails ends the process. */
function follow(
  views: AsyncIterable<View>,
  current: CurrentView,
  onRefused: ((error: ClusterError) => void) | undefined,
): { readonly stop: () => void } {
  const iterator = views[Symbol.asyncIterator]();
  let stopped = false;
  const run = async () => {
    while (!stopped) {
      const next = await iterator.next();
      if (next.done === true || stopped) return;
      try {
        current.offer(parseView(next.value), true);
      } catch (error) {
        if (!ClusterError.is(error)) throw error;
        onRefused?.(error);
      }
    }
  };
  void run();
  const stop = () => {
    stopped = true;
    void iterator.return?.();
  };
  return { stop };
}

function portRefused({ host, port, problem = "" }: TcpPortSnapshot): ClusterError {
  return new ClusterError("PORT_TAKEN", {
    message: `${problem}. Stop the program that has it, or choose another port.`,
    details: { host, port },
  });
}
