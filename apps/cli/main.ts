/**
 * The entry of `prunella`. It turns the compile cache on before anything else is loaded, because a
 * command line is judged by how fast it answers; the program itself is in `program.ts`.
 */
import { enableCompileCache } from "node:module";

enableCompileCache();
const { main } = await import("./program.ts");
await main(process.argv.slice(2));
