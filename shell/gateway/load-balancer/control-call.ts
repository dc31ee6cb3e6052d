/**
 * One call to the agent's control API, for the load-balancer API that clients reach through the
 * gateway. The agent may be gone or hang at any time, so every call has a deadline and a bound.
 */

export type ControlCall = {
  /** Where the agent listens, as the view says; empty when it does not say. */
  readonly controlUrl: string;
  readonly token: string;
  readonly method: "POST" | "DELETE";
  readonly path: string;
  readonly body: Uint8Array;
  readonly deadlineMs: number;
};

export type ControlAnswer = { readonly status: number; readonly body: string };

const answerLengthMax = 1024 * 1024;

/** Undefined when no agent answered in time, for whatever reason: the caller can only say so. */
export async function callControl(call: ControlCall): Promise<ControlAnswer | undefined> {
  if (!URL.canParse(call.path, call.controlUrl)) return undefined;
  const [{ request }, { authorization }] = await Promise.all([
    import("node:http"),
    import("@prunella/wire/token"),
  ]);
  return await new Promise((resolve) => {
    const outgoing = request(new URL(call.path, call.controlUrl), {
      method: call.method,
      agent: false, // A connection of its own: the agent may have been replaced since the last call.
      signal: AbortSignal.timeout(call.deadlineMs),
      headers: {
        authorization: authorization(call.token),
        "content-type": "application/json",
        "content-length": call.body.length,
      },
    });
    const giveUp = () => {
      outgoing.destroy();
      resolve(undefined);
    };
    outgoing.on("error", giveUp);
    outgoing.on("response", (incoming) => {
      let body = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (text: string) => {
        body += text;
        if (body.length > answerLengthMax) giveUp();
      });
      incoming.on("error", giveUp);
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body }));
    });
    outgoing.end(call.body);
  });
}
