import { defineCluster, elected } from "prunella";

export default defineCluster({
  name: "fortune",
  gateway: { port: Number(process.env["WEB_PORT"] ?? 8080) },
  services: {
    fortune: elected({
      run: "./fortune.ts",
      count: 3,
      route: "/",
      health: "/health",
      retryUnsafe: "idempotency-key", // A cookie that was asked for during a kill is found again.
      env: { FORTUNE_DEMO: "1" }, // A page that may kill its leader. Leave it out for real use.
    }),
  },
});
