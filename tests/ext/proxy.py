"""The board on the web behind Debian's nginx with TLS, as docs/web.md sets it up: links, sessions, writes, the stream.

    proxy.py DIR

DIR is for what is made. `kanband` and `kanban` are on the path. Only root can start a proxy of another user.
"""

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time

place = os.path.abspath(sys.argv[1])
docs = os.path.join(os.path.dirname(__file__), "../../docs/web.md")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def within(what, look):
    for _ in range(600):
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise SystemExit(f"did not come: {what}")


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def exchange(port, method, path, headers=(), body=None, tls=True):
    """One request; returns status, headers, body up to the end of the connection or of the head of a stream."""
    connection = socket.create_connection(("127.0.0.1", port), 60)
    if tls:
        context = ssl.create_default_context(cafile=f"{place}/board.pem")
        connection = context.wrap_socket(connection, server_hostname="localhost")
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    if not any(name == "connection" for name, _ in headers):
        lines.append("connection: close")
    connection.sendall("\r\n".join([*lines, "", body or ""]).encode())
    data = b""
    while not (b"\r\n\r\n" in data and b" 101 " in data[:16]):
        piece = connection.recv(65536)
        if not piece:
            break
        data += piece
    connection.close()
    head, _, rest = data.partition(b"\r\n\r\n")
    status, *pairs = head.decode().split("\r\n")
    found = {}
    for pair in pairs:
        name, _, value = pair.partition(": ")
        found.setdefault(name.lower(), []).append(value)
    return int(status.split()[1]), found, rest.decode(errors="replace")


def kanban(*words):
    return json.loads(subprocess.check_output(["kanban", *words, "--json"], text=True))


def expect(what, found, wanted):
    if found != wanted:
        raise SystemExit(f"{what}: {found!r} instead of {wanted!r}")
    print(f"{what}: {found!r}")


os.makedirs(f"{place}/home", exist_ok=True)
os.environ["KANBAN_HOME"] = f"{place}/home"
port = free_port()
origin = f"https://localhost:{port}"
with open(f"{place}/home/kanband.toml", "w") as config:
    config.write(f'[web.proxy]\nuser = "www-data"\norigin = "{origin}"\n')
subprocess.check_call(
    ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    + ["-addext", "subjectAltName=DNS:localhost", "-keyout", f"{place}/board.key", "-out", f"{place}/board.pem"],
    stderr=subprocess.DEVNULL,
)
started = []
try:
    log = open(f"{place}/daemon.log", "w")
    started.append(subprocess.Popen(["kanband"], stderr=log, stdout=log))
    ready = lambda: subprocess.call(["kanban", "stats"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    within("the daemon", ready)
    link = kanban("dashboard", "--for", "ada")
    expect("the link by the proxy", link["proxy_url"].split("#")[0], f"{origin}/in")

    # The configuration that the page shows, with places that this host has.
    site = re.search(r"nginx \(.*?```\n(.*?)```", open(docs).read(), re.S).group(1)
    site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl").replace("board.example.org", "localhost")
    site = site.replace("/etc/ssl/board", f"{place}/board").replace("127.0.0.1:9119", link["address"])
    with open(f"{place}/nginx.conf", "w") as config:
        config.write(f"user www-data;\ndaemon off;\npid {place}/nginx.pid;\nerror_log {place}/nginx.log;\n")
        config.write("events {}\nhttp {\naccess_log off;\n")
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]:
            config.write(f"{kind}_temp_path {place}/{kind};\n")
        config.write(site + "}\n")
    os.chmod(place, 0o755)
    started.append(subprocess.Popen(["nginx", "-c", f"{place}/nginx.conf"]))
    within("the proxy", lambda: answers(port))

    own = [("host", f"localhost:{port}"), ("sec-fetch-site", "same-origin")]
    write = [*own, ("origin", origin)]
    token = link["proxy_url"].split("#")[1]
    log_in = json.dumps({"token": token})
    expect("a page without a session", exchange(port, "GET", "/", own)[0], 401)
    foreign = [*own, ("origin", "https://evil.example")]
    expect("a login by another page", exchange(port, "POST", "/in", foreign, log_in)[0], 403)
    status, headers, _ = exchange(port, "POST", "/in", write, log_in)
    expect("the login", status, 204)
    cookie = headers["set-cookie"][0]
    expect("the cookie is for TLS only", cookie.endswith("; Secure"), True)
    expect("the link again", exchange(port, "POST", "/in", write, log_in)[0], 401)
    session = ("cookie", cookie.split(";")[0])
    status, headers, _ = exchange(port, "GET", "/", [*own, session])
    expect("the page", status, 200)
    policy = headers["content-security-policy"][0]
    expect("scripts of the page", f"script-src {origin}/assets/;" in policy, True)
    status, _, body = exchange(port, "POST", "/v1/tasks", [*write, session], json.dumps({"title": "by the proxy"}))
    expect("a write", status, 200)
    shown = kanban("show", json.loads(body[body.index("{") : body.rindex("}") + 1])["id"])
    expect("its author", shown["events"][0]["actor"], "ada")
    expect("a write without an origin", exchange(port, "POST", "/v1/tasks", [*own, session], "{}")[0], 403)
    stream = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")]
    stream += [("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]
    expect("the stream", exchange(port, "GET", "/v1/stream", [*write, session, *stream])[0], 101)

    # The same session without the proxy, by the very user that made the link.
    direct = [("host", link["address"]), ("sec-fetch-site", "same-origin"), session]
    expect("the session without the proxy", exchange(link["port"], "GET", "/v1/boards", direct, tls=False)[0], 401)
    wrong_host = [("host", "127.0.0.1"), ("sec-fetch-site", "same-origin"), session]
    expect("another host behind the proxy", exchange(port, "GET", "/", wrong_host)[0], 403)
    subprocess.check_call(["kanban", "dashboard", "--revoke", "all"])
    expect("after the end", exchange(port, "GET", "/v1/boards", [*own, session])[0], 401)
finally:
    for process in reversed(started):
        process.terminate()
        process.wait()
