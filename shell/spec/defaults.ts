/** What holds where the cluster file is silent, and the bounds of what it may say. One place for both. */
export const defaults = {
  gateway: { host: "127.0.0.1", port: 5000, count: 1, accessLog: false },
  count: 1,
  scale: { min: 1, max: 100 },
  election: {
    count: 3,
    mode: "quorum",
    timing: "lan",
    preempt: "never",
    leaseBreak: "proof",
    followers: "proxy",
  },
  probe: {
    intervalMs: 1000,
    timeoutMs: 500,
    failuresMax: 3,
    successesMin: 2,
    startupMs: 30_000,
  },
  stop: { drainMs: 5000, graceMs: 5000 },
  log: { fileMiB: 16, filesMax: 3 },
  timeoutMs: 30_000,
  bodyMiBMax: 1024,
  /** What a gateway does where neither file nor view says otherwise. */
  traffic: {
    maxInFlight: 1024,
    holdMs: 2000,
    slowStartMs: 5000,
    loadBound: 1.25,
    ejectAfter: 5,
  },
} as const;

export const limits = {
  servicesMax: 200,
  /** The largest count that the placement was measured with. */
  instancesMax: 1000,
  /** With fewer the loss of one leaves no majority. */
  votersMin: 3,
  /** More voters make every vote slower and survive nothing that seven do not. */
  votersMax: 7,
  /** The map of the source: 512 slots, nine for each member. */
  seedMapMembersMax: 56,
  /** Leaves room for `-1000`, so that instance names are names too. */
  serviceNameLengthMax: 58,
  gatewaysMax: 16,
  inFlightMax: 100_000,
  weightMin: 0.1,
  weightMax: 100,
  routesMax: 100,
  keysMax: 10,
  tcpPortsMax: 10,
  proxiesMax: 1000,
  envMax: 1000,
  argumentsMax: 1000,
  /** Linux refuses to start a program with a longer single string (MAX_ARG_STRLEN is 128 KiB). */
  textLengthMax: 32_768,
  pathLengthMax: 1024,
  hourMs: 3_600_000,
} as const;
