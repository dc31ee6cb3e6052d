/**
 * What the operating system knows about processes. This is the only file that reads `/proc`; another
 * system needs another `ProcessTable` and nothing else (README, "Limits").
 *
 * A pid alone names nobody, because it is given again. A pid with its start time does: the kernel
 * cannot start two processes with one pid in the same tick and boot. And while any process of group
 * or session P lives, the kernel does not give pid P to a new process, so the rest of a dead
 * leader's group cannot be mistaken for a stranger's.
 *
 * Reads are synchronous: the kernel answers from memory in microseconds, and a decision to kill must
 * not be made on facts that are one turn of the event loop old.
 *
 * Source: proc(5), pid_namespaces(7); fields of /proc/PID/stat are counted as there, from 1.
 */
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";

export type ProcessFacts = {
  readonly pid: number;
  /** False for a zombie: it holds a pid and nothing else, and may never be reaped. */
  readonly alive: boolean;
  readonly group: number;
  readonly session: number;
  /** Clock ticks from boot to its start. */
  readonly startTicks: number;
  /** Processor time of it and its reaped children, in clock ticks. */
  readonly cpuTicks: number;
};

/** A socket that listens: its kernel number and the user that made it. */
export type ListeningSocket = { readonly inode: number; readonly userId: number };

export interface ProcessTable {
  /** Changes with every boot; pids and start times mean nothing beyond. */
  bootId(): string;
  read(pid: number): ProcessFacts | undefined;
  all(): readonly ProcessFacts[];
  /** A variable that the process was started with; undefined when it is not set or not readable. */
  variable(pid: number, name: string): string | undefined;
  /** Its program and arguments, shortened, for messages. */
  program(pid: number): string;
  memoryMiB(pid: number): number;
  holdsSocket(pid: number, inodes: ReadonlySet<number>): boolean;
  listeningSockets(port: number): readonly ListeningSocket[];
  /** First and last port that the kernel gives to outgoing connections. */
  ephemeralPorts(): readonly [number, number];
}

/** The unit of start and processor times: USER_HZ, 100 on every Linux that Node runs on. */
export const ticksPerSecond = 100;

const programLengthMax = 80;
const listenState = "0A";
const pieceLength = 16 * 1024;
const ephemeralDefault = [32_768, 60_999] as const;

// One buffer for all small reads: /proc files have no size, and `readFileSync` would grow for each.
const buffer = Buffer.allocUnsafe(1024 * 1024);

export const linuxProcessTable: ProcessTable = {
  bootId: () => (readSmall("/proc/sys/kernel/random/boot_id") ?? "").trim(),

  read: (pid) => parseStat(readSmall(`/proc/${pid}/stat`)),

  all() {
    const found: ProcessFacts[] = [];
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const facts = parseStat(readSmall(`/proc/${name}/stat`));
      if (facts !== undefined) found.push(facts);
    }
    return found;
  },

  variable(pid, name) {
    const text = readSmall(`/proc/${pid}/environ`);
    if (text === undefined) return undefined;
    const start = text.startsWith(`${name}=`) ? 0 : text.indexOf(`\0${name}=`) + 1;
    if (start === 0 && !text.startsWith(`${name}=`)) return undefined;
    const end = text.indexOf("\0", start);
    return text.slice(start + name.length + 1, end === -1 ? undefined : end);
  },

  program(pid) {
    const words = (readSmall(`/proc/${pid}/cmdline`) ?? "").split("\0").join(" ").trim();
    const text = words === "" ? (readSmall(`/proc/${pid}/comm`) ?? "").trim() : words;
    return text.length > programLengthMax ? `${text.slice(0, programLengthMax)}...` : text;
  },

  memoryMiB(pid) {
    const kiB = /^VmRSS:\s+(\d+) kB/m.exec(readSmall(`/proc/${pid}/status`) ?? "")?.[1];
    return kiB === undefined ? 0 : Number(kiB) / 1024;
  },

  holdsSocket(pid, inodes) {
    return fileDescriptors(pid).some((target) => {
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      return inode !== undefined && inodes.has(Number(inode));
    });
  },

  listeningSockets(port) {
    return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) =>
      parseSockets(readSmall(path, hasOtherSockets) ?? "", port),
    );
  },

  ephemeralPorts() {
    const text = readSmall("/proc/sys/net/ipv4/ip_local_port_range") ?? "";
    const [first, last] = text.trim().split(/\s+/).map(Number);
    return first === undefined || last === undefined || !(first <= last)
      ? ephemeralDefault
      : [first, last];
  },
};

/** The name of a process may contain anything, so fields are counted from its last parenthesis. */
function parseStat(text: string | undefined): ProcessFacts | undefined {
  if (text === undefined) return undefined;
  const nameEnd = text.lastIndexOf(")");
  const fields = text.slice(nameEnd + 2).split(" ");
  const field = (number: number): number => Number(fields[number - 3]);
  const state = fields[0] ?? "X";
  // A zombie with other threads is a leader that ended before them: the program still runs.
  const threadCount = field(20);
  return {
    pid: Number.parseInt(text, 10),
    alive: !(state === "X" || state === "x" || (state === "Z" && threadCount <= 1)),
    group: field(5),
    session: field(6),
    startTicks: field(22),
    cpuTicks: field(14) + field(15) + field(16) + field(17),
  };
}

/** `sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode`, numbers in hex. */
function parseSockets(table: string, port: number): readonly ListeningSocket[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const found: ListeningSocket[] = [];
  for (const line of table.split("\n")) {
    const columns = line.trim().split(/\s+/, 10);
    if (columns[3] !== listenState || columns[1]?.endsWith(suffix) !== true) continue;
    found.push({ inode: Number(columns[9]), userId: Number(columns[7]) });
  }
  return found;
}

/**
 * The kernel lists listening sockets before all others (tcp_get_idx in net/ipv4/tcp_ipv4.c), and a
 * busy machine has tens of thousands of others, so reading ends where they begin.
 */
function hasOtherSockets(table: string): boolean {
  return /^\s*\d+: \S+ \S+ (?!0A)[0-9A-F]{2} /m.test(table);
}

function fileDescriptors(pid: number): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).map((name) => {
      try {
        return readlinkSync(`${folder}/${name}`);
      } catch {
        return ""; // Closed since the folder was read.
      }
    });
  } catch {
    return []; // Gone, or of another user.
  }
}

/**
 * Undefined when the process is gone or the file is not ours to read.
 *
 * @param isEnough - Ends reading early; gets each piece, which holds whole lines of a table.
 */
function readSmall(path: string, isEnough?: (piece: string) => boolean): string | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    let length = 0;
    for (;;) {
      const wanted = Math.min(pieceLength, buffer.length - length);
      const count = readSync(file, buffer, length, wanted, null);
      if (count === 0) break;
      const piece = length;
      length += count;
      if (isEnough?.(buffer.toString("latin1", piece, length)) === true) break;
    }
    return buffer.toString("utf8", 0, length);
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}
