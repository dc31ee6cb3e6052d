/**
 * Which core does what. On two cores the proxy has the second for itself, and generator and backend
 * share the first; with four, each part has its own and two workers can show what they do together.
 */
export type CorePlan = {
  readonly generator: number;
  readonly backend: number;
  /** Where proxies may run, one core per worker as long as there are enough. */
  readonly proxy: readonly number[];
};

export function planCores(coreCount: number): CorePlan {
  if (coreCount >= 4) return { generator: 0, backend: 3, proxy: [1, 2] };
  if (coreCount >= 2) return { generator: 0, backend: 0, proxy: [1] };
  return { generator: 0, backend: 0, proxy: [0] };
}

export function describeCores({ generator, backend, proxy }: CorePlan): string {
  if (proxy.includes(generator)) return "one core for all: nothing but the processor ratio stands";
  const others = generator === backend ? `core ${generator}` : `cores ${generator} and ${backend}`;
  return `proxy on core ${proxy.join(" and ")}, generator and backend on ${others}`;
}
