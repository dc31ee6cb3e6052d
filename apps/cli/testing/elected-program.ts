/** An instance of an elected service as a user writes it: whoever leads says so to every client. */
import { createServer } from "node:http";
import { electionFromEnvironment } from "../election.ts";

const election = electionFromEnvironment();
const name = process.env["PRUNELLA_INSTANCE"];
createServer(
  election.serve((_request, response) => {
    response.end(`${name} ${election.leadership?.term}`);
  }),
).listen(Number(process.env["PORT"]), "127.0.0.1");
await election.start();
process.once("SIGTERM", () => void election.stop(1_000).then(() => process.exit(0)));
