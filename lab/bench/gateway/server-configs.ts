/**
 * Configurations of the servers that a bench starts: the backend, nginx and HAProxy as proxies. Equal
 * duty for all proxies: consistent hash on the query `id`, keep-alive pools of 512 to the backends,
 * HTTP/1.1 there, the five forwarding fields that our gateway adds, no access log, one worker.
 *
 * Where a default would make a peer write bodies to disk, it is set so that it need not.
 */
import { fileSizes, paths } from "./case-table.ts";

const connectionsMax = 16_384;
const poolSize = 512;
const forever = 1_000_000_000;
/** Connections of the idle case must outlive the time that it takes to open all of them. */
const idleSeconds = 180;

const smallBody = '{"message":"Hello from the backend","status":"successful"}    \n';
const chunkedBytes = 8_192;
/** What a proxy must add; the backend's probe page shows what arrived. */
export const forwardingFields = [
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "via",
  "x-request-id",
] as const;

const nginxEvents = `events { worker_connections ${connectionsMax}; }`;

function nginxCommon(folder: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${folder}/${name};`)
    .join("\n");
  return `  access_log off;
  error_log ${folder}/error.log error;
  tcp_nodelay on;
  keepalive_timeout ${idleSeconds}s;
  keepalive_requests ${forever};
  client_max_body_size 16m;
  client_body_buffer_size 2m;
${temporary}`;
}

function nginxFile(folder: string, workers: number, http: string): string {
  return `daemon off;
worker_processes ${workers};
worker_rlimit_nofile ${connectionsMax + 2_048};
pid ${folder}/nginx.pid;
error_log ${folder}/error.log error;
${nginxEvents}
http {
${nginxCommon(folder)}
${http}}
`;
}

/**
 * Static answers on many ports. An uploaded body is read whole before the answer leaves, because an
 * early answer would cost the proxies their connections: the mirror module reads it, and the static
 * one then refuses a POST, which is turned into a 200.
 */
export function backendConfig(folder: string, ports: readonly number[]): string {
  const listens = ports.map((port) => `    listen 127.0.0.1:${port} backlog=4096;`).join("\n");
  const seen = forwardingFields.map((name) => `$http_${name.replaceAll("-", "_")}`).join("|");
  return nginxFile(
    folder,
    1,
    `  sendfile on;
  open_file_cache max=64 inactive=1h;
  open_file_cache_valid 1h;
  default_type text/plain;
  root ${folder}/files;
  server {
${listens}
    location = ${paths.small} { return 200 '${smallBody}'; }
    location = ${paths.empty} { return 200; }
    location = ${paths.probe} { return 200 '$server_port|${seen}'; }
    location = ${paths.chunked} {
      sub_filter_types *;
      sub_filter 'no such text' '';
      output_buffers 2 4k;
      sendfile off;
    }
    location = ${paths.take} {
      mirror /mirrored;
      error_page 405 =200 /taken;
    }
    location = /mirrored { internal; return 204; }
    location = /taken { internal; return 200 '${smallBody}'; }
  }
`,
  );
}

/** Files below the backend's root with their sizes. */
export const backendFiles: readonly { readonly name: string; readonly bytes: number }[] = [
  ...fileSizes.map((bytes) => ({ name: `file-${bytes}`, bytes })),
  { name: paths.chunked.slice(1), bytes: chunkedBytes },
  { name: paths.take.slice(1), bytes: 1 },
];

export type ProxySetup = {
  readonly port: number;
  /** A private folder for configuration and temporary files. */
  readonly folder: string;
  readonly backendPorts: readonly number[];
};

export function nginxProxyConfig({ port, folder, backendPorts }: ProxySetup, buffers: boolean) {
  const servers = backendPorts
    .map((backend) => `    server 127.0.0.1:${backend} max_fails=0;`)
    .join("\n");
  return nginxFile(
    folder,
    1,
    `  upstream backends {
    hash $arg_id consistent;
${servers}
    keepalive ${poolSize};
    keepalive_requests ${forever};
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://backends;
      proxy_http_version 1.1;
      proxy_buffering ${buffers ? "on" : "off"};
      proxy_request_buffering ${buffers ? "on" : "off"};
      proxy_max_temp_file_size 0;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header Via "1.1 lab";
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Request-Id $request_id;
    }
  }
`,
  );
}

export function haproxyConfig({ port, backendPorts }: ProxySetup): string {
  const servers = backendPorts
    .map((backend, index) => `  server b${index} 127.0.0.1:${backend} pool-max-conn ${poolSize}`)
    .join("\n");
  // It reserves two descriptors for each connection, which some machines refuse; idle ones need one.
  return `global
  no strict-limits
  nbthread 1
  maxconn ${connectionsMax}
defaults
  mode http
  timeout connect 1s
  timeout client ${idleSeconds}s
  timeout server 30s
  timeout http-keep-alive ${idleSeconds}s
  timeout http-request 30s
  option http-keep-alive
  http-reuse always
frontend clients
  bind 127.0.0.1:${port} backlog 4096
  unique-id-format %[rand(4294967295),hex]-%rt
  unique-id-header X-Request-Id
  default_backend backends
backend backends
  balance url_param id
  hash-type consistent
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header Via "1.1 lab"
${servers}
`;
}
