/** Draws a vega-lite specification as SVG. Here, because the library is installed with the peers. */

type Vega = {
  parse(specification: object): object;
  View: new (
    runtime: object,
    options: object,
  ) => {
    toSVG(): Promise<string>;
    finalize(): void;
  };
};
type VegaLite = { compile(specification: object): { readonly spec: object } };

/** @throws Error when the library is not installed. */
export async function drawSvg(specification: object): Promise<string> {
  const names: readonly string[] = ["vega", "vega-lite"];
  const [vega, vegaLite]: [Vega, VegaLite] = await Promise.all([
    import(names[0] ?? ""),
    import(names[1] ?? ""),
  ]);
  const view = new vega.View(vega.parse(vegaLite.compile(specification).spec), {
    renderer: "none",
  });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}
