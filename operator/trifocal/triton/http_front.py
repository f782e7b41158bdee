"""The HTTP front of a serving pod: nginx before Triton, so that no request is lost or let astray.

Triton's HTTP server keeps a connection for as long as the client wants and cuts it when it exits,
with whatever request is on it (docs/design/drain.md has the figures). The front closes each
connection after an answer once it is a few seconds old, with `Connection: close`, as the client
expects it; so before SIGTERM comes, every client that is at work has moved to another pod. It also
lets through only what clients of the one model need: Triton's own restriction of APIs is no
authentication. Pure.
"""

import re
from textwrap import dedent

from trifocal.triton.arguments import HTTP_PORT, MAX_CONNECTION_AGE_SECONDS, TRITON_HTTP_PORT

IDLE_CONNECTION_SECONDS = 75
"""nginx's own default for clients' idle connections."""
IDLE_UPSTREAM_SECONDS = 1
"""Idle connections to Triton are closed after this: it waits for them when it exits."""
BODY_BUFFER = "128k"
"""Read and passed on at once for each connection; an image of float32 has five times as much."""
WORKERS = 2
"""Processes. `auto` would start one for each core of the node, whatever the pod may use."""


def http_front_config(model: str) -> str:
    """nginx.conf for a pod that serves one model."""
    path = f"/models/{re.escape(model)}(/versions/[0-9]+)?"
    refusal = f'{{"error":"Only health, metadata and inference of model {model} are served."}}'
    return dedent(f"""\
        daemon off;
        worker_processes {WORKERS};
        pid /tmp/nginx.pid;
        error_log stderr warn;

        events {{
            worker_connections 4096;
        }}

        http {{
            access_log off;
            server_tokens off;
            default_type application/json;

            # Bodies are passed on as they come, never written to disk; Triton limits their size.
            client_max_body_size 0;
            client_body_buffer_size {BODY_BUFFER};
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
            client_body_temp_path /tmp/nginx-body;
            proxy_temp_path /tmp/nginx-proxy;
            fastcgi_temp_path /tmp/nginx-fastcgi;
            uwsgi_temp_path /tmp/nginx-uwsgi;
            scgi_temp_path /tmp/nginx-scgi;

            keepalive_time {MAX_CONNECTION_AGE_SECONDS}s;
            keepalive_timeout {IDLE_CONNECTION_SECONDS}s;
            keepalive_requests 1000000;

            upstream triton {{
                server 127.0.0.1:{TRITON_HTTP_PORT} max_fails=0;
                keepalive 128;
                keepalive_timeout {IDLE_UPSTREAM_SECONDS}s;
                keepalive_requests 1000000;
            }}

            server {{
                listen {HTTP_PORT} backlog=4096;
                proxy_http_version 1.1;
                proxy_set_header Connection "";
                proxy_set_header Host $http_host;
                # How long an answer may take is the client's to say.
                proxy_read_timeout 1h;
                proxy_send_timeout 1h;

                location ~ ^/v2(/health/(live|ready)|{path}(/ready)?)?$ {{
                    limit_except GET {{ deny all; }}
                    proxy_pass http://triton;
                }}
                location ~ ^/v2{path}/infer$ {{
                    limit_except POST {{ deny all; }}
                    proxy_pass http://triton;
                }}
                location / {{
                    return 403 '{refusal}';
                }}
            }}
        }}
        """)
