/**
 * The commands as data: what one may type, what it means, examples. The parser, the help and the
 * completion scripts are all made of this table; `verb-actions.ts` says which code carries one out.
 */
import { atLeast, oneOf, type Verb, type VerbOption } from "./verb.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export const electWords = ["why", "history", "resign"] as const;
export const papers = ["balancer", "fortune"] as const;

const portMax = 65_535;
const follow: VerbOption = {
  flags: "-f, --follow",
  summary: "go on with what comes (the cluster file is --file here, without a short form)",
};

export const verbs: readonly Verb[] = [
  {
    name: "up",
    group: "Run a cluster:",
    summary: "start the cluster, or make it what its file says",
    arguments: [],
    options: [{ flags: "--foreground", summary: "stay, show events, and end it all at Ctrl-C" }],
    examples: [
      ["up", "cluster.ts of this folder"],
      ["up -f examples/hello/cluster.ts", "another one"],
    ],
  },
  {
    name: "down",
    group: "Run a cluster:",
    summary: "end everything that runs",
    arguments: [],
    options: [{ flags: "--purge", summary: "also remove the state folder: logs, events, token" }],
    examples: [
      ["down", "finish requests, then end all processes"],
      ["down --purge", "and leave no file behind"],
    ],
  },
  {
    name: "status",
    group: "Look at it:",
    summary: "what runs, where, and how it is",
    arguments: [],
    options: [
      {
        flags: "-w, --watch",
        summary: "stay and redraw when something changes; into a pipe also every 5 s",
      },
    ],
    examples: [
      ["status", "one table"],
      ["status --watch", "live"],
      ["status --json", "for programs"],
    ],
  },
  {
    name: "why",
    group: "Look at it:",
    summary: "what happened to an instance, and what happens next",
    arguments: [
      {
        term: "[instance]",
        summary: "its name; without it: which ones there are",
        completes: "instance",
      },
    ],
    options: [],
    examples: [["why hello-2", "its state, its incidents, its last words"]],
  },
  {
    name: "elect",
    group: "Look at it:",
    summary: "who leads an elected service, why, and since when",
    arguments: [
      {
        term: "<what>",
        summary: "why: each change and its cause; history: all terms; resign: hand the lead over",
        completes: "election",
      },
      {
        term: "[service]",
        summary: "may be left out when only one is elected",
        completes: "service",
      },
    ],
    options: [
      {
        flags: "--to <instance>",
        summary: "who should lead next, with resign (the electors choose)",
        completes: "instance",
      },
    ],
    examples: [
      ["elect why", "who leads, and what the last changes were about"],
      ["elect history --json", "the terms, for programs"],
      ["elect resign fortune --to fortune-2", "a planned handover"],
    ],
  },
  {
    name: "logs",
    group: "Look at it:",
    summary: "what instances wrote",
    arguments: [
      { term: "[name...]", summary: "instances or services; all when left out", completes: "name" },
    ],
    options: [
      follow,
      {
        flags: "-n, --lines <count>",
        summary: "how many of the last lines (200)",
        parse: atLeast(0, 100_000),
      },
    ],
    examples: [
      ["logs -f", "all instances, live"],
      ["logs hello-2 -n 50", "the last 50 lines of one"],
    ],
  },
  {
    name: "events",
    group: "Look at it:",
    summary: "what happened in the cluster, oldest first",
    arguments: [],
    options: [
      follow,
      { flags: "-n, --lines <count>", summary: "only the last ones", parse: atLeast(0) },
      { flags: "--after <id>", summary: "only those after this event", parse: atLeast(0) },
    ],
    examples: [
      ["events -n 20", "the last 20"],
      ["events -f --json", "a stream of JSON objects, one a line"],
    ],
  },
  {
    name: "scale",
    group: "Change it:",
    summary: "say how many instances a service has",
    arguments: [
      {
        term: "[service]",
        summary: "may be left out when there is only one",
        completes: "service",
      },
      { term: "[count]", summary: "how many" },
    ],
    options: [],
    examples: [
      ["scale hello 5", "five from now on"],
      ["scale 5", "the same, in a cluster with one service"],
    ],
  },
  {
    name: "add",
    group: "Change it:",
    summary: "add instances to a service",
    arguments: [
      {
        term: "[service]",
        summary: "may be left out when there is only one",
        completes: "service",
      },
      { term: "[hostname...]", summary: "names for the new ones; random names for the rest" },
    ],
    options: [
      {
        flags: "-n, --count <count>",
        summary: "how many (as many as names, or 1)",
        parse: atLeast(1),
      },
    ],
    examples: [
      ["add hello", "one more"],
      ["add hello S5 S4 -n 4", "four more, two of them under these names"],
    ],
  },
  {
    name: "rm",
    group: "Change it:",
    summary: "remove instances from a service",
    arguments: [
      {
        term: "[service]",
        summary: "may be left out when an instance is named",
        completes: "name",
      },
      {
        term: "[instance...]",
        summary: "which ones; random ones for the rest",
        completes: "instance",
      },
    ],
    options: [
      {
        flags: "-n, --count <count>",
        summary: "how many (as many as names, or 1)",
        parse: atLeast(1),
      },
    ],
    examples: [
      ["rm hello hello-3", "this one"],
      ["rm hello -n 2", "any two"],
    ],
  },
  {
    name: "restart",
    group: "Change it:",
    summary: "restart an instance, or all of a service one after the other",
    arguments: [{ term: "<name>", summary: "an instance or a service", completes: "name" }],
    options: [],
    examples: [
      ["restart hello-2", "this one; also wakes a parked one"],
      ["restart hello", "each in turn, so that the service goes on"],
    ],
  },
  {
    name: "plan",
    group: "Change it:",
    summary: "what `up` would change, why, and at which risk",
    arguments: [],
    options: [{ flags: "--exit-code", summary: "exit with 4 when something would change" }],
    examples: [
      ["plan", "look before `up`"],
      ["plan --exit-code", "for scripts"],
    ],
  },
  {
    name: "paper",
    group: "Put it to the test:",
    summary: "run the experiments of a paper again and write a report",
    arguments: [{ term: "<name>", summary: papers.join(", "), completes: "paper" }],
    options: [
      {
        flags: "--requests <count>",
        summary: "balancer: requests of each measurement (10000)",
        parse: atLeast(100, 1_000_000),
      },
      {
        flags: "--kills <count>",
        summary: "failures of each kind: servers of balancer (10), leaders of fortune (20)",
        parse: atLeast(1, 1_000),
      },
      {
        flags: "--users-max <count>",
        summary: "fortune: the largest row of the load table (1000000)",
        parse: atLeast(1, 1_000_000),
      },
      {
        flags: "--seed <number>",
        summary: "draws request ids, or pauses between failures (1)",
        parse: atLeast(0, 2 ** 32 - 1),
      },
      {
        flags: "--out <folder>",
        summary: "where the report goes (docs/papers; smaller runs: lab/results/papers)",
        completes: "folder",
      },
      { flags: "--json [file]", summary: "all numbers as JSON, there or on stdout" },
    ],
    examples: [
      ["paper balancer", "four experiments on real processes, in the repository only"],
      ["paper balancer --requests 500 --kills 2", "a short trial"],
      ["paper fortune", "leaders that fail, up to a million users; some ten minutes"],
      ["paper fortune --kills 200 --users-max 1000", "more failures, fewer users"],
    ],
  },
  {
    name: "init",
    group: "Set up:",
    summary: "write a cluster file for your program",
    arguments: [],
    options: [
      { flags: "--run <command>", summary: "the program, for example ./server.ts" },
      { flags: "--name <name>", summary: "name of the cluster" },
      { flags: "--count <count>", summary: "how many copies", parse: atLeast(1, 1_000) },
      { flags: "--port <port>", summary: "port of the gateway", parse: atLeast(1, portMax) },
      { flags: "--health <path>", summary: "path that answers 2xx when all is well" },
      {
        flags: "--format <format>",
        summary: "ts or yaml",
        parse: oneOf("ts", "yaml"),
        completes: "format",
      },
    ],
    examples: [
      ["init", "asks a few questions"],
      ["init --run ./server.ts --count 3", "asks nothing"],
    ],
  },
  {
    name: "doctor",
    group: "Set up:",
    summary: "what is unwise in the cluster file",
    arguments: [],
    options: [],
    examples: [["doctor", "each finding with its remedy"]],
  },
  {
    name: "completion",
    group: "Set up:",
    summary: "print a completion script for your shell",
    arguments: [{ term: "<shell>", summary: shells.join(", "), completes: "shell" }],
    options: [],
    examples: [
      ["completion bash > ~/.local/share/bash-completion/completions/prunella", "for good"],
      ["completion zsh > ~/.zfunc/_prunella", "for good, when ~/.zfunc is in $fpath"],
      ["completion fish | source", "for this shell"],
    ],
  },
  {
    name: "version",
    group: "Set up:",
    summary: "print the version",
    arguments: [],
    options: [],
    examples: [["version --json", "with the version of Node, for bug reports"]],
  },
];
