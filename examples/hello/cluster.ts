import { defineCluster, replicas } from "prunella";

export default defineCluster({
  name: "hello",
  services: {
    hello: replicas({
      run: "./server.ts",
      count: 3,
      route: "/",
      health: "/heartbeat",
      compat: "load-balancer", // Opens /rep, /add and /rm, as the load-balancer document has them.
    }),
  },
});
