"""Clients and verifiers of others against our fakes and our courier.

    channels.py telegram FAKES            python-telegram-bot at the fake of Telegram
    channels.py slack FAKES               slack-sdk at the fake of Slack
    channels.py matrix FAKES              matrix-nio at the fake of Matrix
    channels.py synapse FAKES COURIER     a homeserver takes what the courier sends, once
    channels.py mattermost FAKES          mattermostdriver at the fake of Mattermost
    channels.py webhook FAKES COURIER     standardwebhooks verifies what the courier signs
    channels.py mail FAKES COURIER        aiosmtpd with STARTTLS, a certificate of trustme and a login takes what the courier sends
"""

import asyncio
import base64
import email
import email.policy
import http.server
import os
import queue
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

TOKEN = "4711:sentinel-token_x"


def telegram(fakes):
    import telegram as library
    from telegram import error

    program = subprocess.Popen([fakes, "telegram", TOKEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    server, contested = program.stdout.readline().split()

    async def expect(kind, call):
        try:
            await call
        except kind as found:
            return found
        raise AssertionError(f"{kind.__name__} did not come")

    def tell(words):
        program.stdin.write(words + "\n")
        program.stdin.flush()

    async def listen(library, error, bot, program):
        # A poll that waits ends with the first thing that is done.
        waiting = asyncio.create_task(bot.get_updates(timeout=30))
        tell("write 815 -1001234567890123 /kanban list")
        (update,) = await waiting
        message = update.message
        assert (message.text, message.from_user.id, message.from_user.is_bot) == ("/kanban list", 815, False), update
        assert (message.chat.id, message.chat.type) == (-1001234567890123, "supergroup"), update
        # What is not confirmed comes again, what is does not.
        (again,) = await bot.get_updates(timeout=0)
        assert again.update_id == update.update_id, again
        assert await bot.get_updates(offset=update.update_id + 1, timeout=0) == ()
        button = library.InlineKeyboardMarkup([[library.InlineKeyboardButton("Yes", callback_data="k1:abcdefghijklmnop")]])
        sent = await bot.send_message(815, "Stop?", reply_markup=button)
        tell(f"press 815 815 {sent.message_id} Yes")
        (update,) = await bot.get_updates(timeout=30)
        press = update.callback_query
        assert press.data == "k1:abcdefghijklmnop" and press.message.message_id == sent.message_id, update
        assert await bot.answer_callback_query(press.id, text="Stopped.")
        late = await expect(error.BadRequest, bot.answer_callback_query(press.id))
        assert "query is too old" in str(late).lower(), late
        await bot.edit_message_reply_markup(815, sent.message_id)
        assert await bot.set_message_reaction(815, sent.message_id, "👍")
        # The next poll ends the one that waits.
        first = asyncio.create_task(bot.get_updates(offset=update.update_id + 1, timeout=30))
        tell("await-poll")
        assert await asyncio.to_thread(program.stdout.readline) == "a poll waits\n"
        async with library.Bot(TOKEN, base_url=f"{server}/bot") as other:
            second = asyncio.create_task(other.get_updates(offset=update.update_id + 1, timeout=30))
            assert "terminated by other getUpdates" in str(await expect(error.Conflict, first)).replace("Terminated", "terminated")
            tell("write 815 815 hello")
            # A poll may end with nothing; what is not confirmed comes with the next one.
            heard = await second or await other.get_updates(offset=update.update_id + 1, timeout=30)
            assert [it.message.text for it in heard] == ["hello"]

    async def talk():
        async with library.Bot(TOKEN, base_url=f"{server}/bot") as bot:
            sent = await bot.send_message(7, "hello", entities=[library.MessageEntity("bold", 0, 5)])
            assert sent.message_id == 1 and sent.chat.id == 7, sent
            await bot.edit_message_text("hello again", chat_id=7, message_id=sent.message_id)
            same = bot.edit_message_text("hello again", chat_id=7, message_id=sent.message_id)
            assert "not modified" in str(await expect(error.BadRequest, same))
            assert (await expect(error.RetryAfter, bot.send_message(429, "x"))).retry_after in (3, __import__("datetime").timedelta(seconds=3))
            moved = await expect(error.ChatMigrated, bot.send_message(-5, "x"))
            assert moved.new_chat_id == -1001234567890123, moved
            await expect(error.Forbidden, bot.send_message(403, "x"))
            await expect(error.BadRequest, bot.send_message(404, "x"))
            await expect(error.BadRequest, bot.send_message(7, "x" * 4097))
            await expect(error.NetworkError, bot.send_message(502, "x"))
            assert await bot.get_updates(timeout=0) == ()
            await listen(library, error, bot, program)
        async with library.Bot(TOKEN, base_url=f"{contested}/bot") as bot:
            await expect(error.Conflict, bot.get_updates(timeout=0))
        try:
            async with library.Bot("4712:other", base_url=f"{server}/bot"):
                raise AssertionError("a wrong token was taken")
        except error.InvalidToken:
            pass

    try:
        asyncio.run(talk())
    finally:
        program.stdin.close()
        program.wait(10)


def slack(fakes):
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError
    from slack_sdk.webhook import WebhookClient

    from slack_sdk.socket_mode import SocketModeClient
    from slack_sdk.socket_mode.response import SocketModeResponse

    token, hook, app_token = "xoxb-1-sentinel", "T1/B1/sentinel", "xapp-1-sentinel"
    program = subprocess.Popen([fakes, "slack", token, hook, app_token], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    server = program.stdout.readline().strip()

    def expect(word, status, call, **arguments):
        try:
            call(**arguments)
        except SlackApiError as found:
            assert (found.response["error"], found.response.status_code) == (word, status), found
            return found.response
        raise AssertionError(f"{word} did not come")

    try:
        client = WebClient(token, base_url=f"{server}/api/")
        assert client.auth_test()["ok"]
        blocks = [
            {"type": "header", "text": {"type": "plain_text", "text": "hello", "emoji": False}},
            {"type": "section", "text": {"type": "mrkdwn", "text": "<@U024BE7LH>"}},
        ]
        first = client.chat_postMessage(channel="C024BE91L", text="hello", blocks=blocks, client_msg_id="11111111-1111-4111-8111-111111111111")
        again = client.chat_postMessage(channel="C024BE91L", text="hello", blocks=blocks, client_msg_id="11111111-1111-4111-8111-111111111111")
        assert isinstance(first["ts"], str) and (first["channel"], first["ts"]) == (again["channel"], again["ts"]), again
        below = client.chat_postMessage(channel=first["channel"], text="below", thread_ts=first["ts"])
        assert below["ts"] != first["ts"]
        assert client.chat_update(channel=first["channel"], ts=first["ts"], text="hello again", blocks=[])["ts"] == first["ts"]
        expect("message_not_found", 200, client.chat_update, channel="C024BE91L", ts="1.000001", text="x")
        expect("channel_not_found", 200, client.chat_postMessage, channel="nowhere", text="x")
        expect("is_archived", 200, client.chat_postMessage, channel="C0ARCHIVED", text="x")
        expect("invalid_blocks", 200, client.chat_postMessage, channel="C024BE91L", text="x", blocks=blocks * 26)
        limited = expect("ratelimited", 429, client.chat_postMessage, channel="C0000RATED", text="x")
        assert float(limited.headers["Retry-After"]) == 3, limited.headers
        expect("invalid_auth", 200, WebClient("xoxb-other", base_url=f"{server}/api/").auth_test)
        answer = WebhookClient(f"{server}/services/{hook}").send(text="hello", blocks=blocks)
        assert (answer.status_code, answer.body) == (200, "ok"), answer.body
        answer = WebhookClient(f"{server}/services/T1/B1/other").send(text="hello")
        assert (answer.status_code, answer.body) == (404, "no_service"), answer.body
        heard = queue.Queue()

        def take(sockets, request):
            heard.put((request.type, request.payload))
            sockets.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

        def tell(line, answer=None):
            program.stdin.write(f"{line}\n")
            program.stdin.flush()
            assert answer is None or program.stdout.readline().strip() == answer, line

        sockets = SocketModeClient(app_token=app_token, web_client=client)
        sockets.socket_mode_request_listeners.append(take)
        sockets.connect()
        tell("write U024BE7LH C024BE91L hello")
        kind, payload = heard.get(timeout=30)
        assert (kind, payload["event"]["text"]) == ("events_api", "hello"), payload
        tell("await-acknowledged 1", "acknowledged")
        # It opens another connection, on which it hears as before.
        tell("disconnect refresh_requested")
        tell("write U024BE7LH C024BE91L again")
        kind, payload = heard.get(timeout=30)
        assert (kind, payload["event"]["text"]) == ("events_api", "again"), payload
        tell("await-acknowledged 2", "acknowledged")
        tell("command U024BE7LH C024BE91L list --mine")
        # What was acknowledged on a connection that ended comes once more.
        kind, payload = heard.get(timeout=30)
        while kind == "events_api":
            kind, payload = heard.get(timeout=30)
        assert (kind, payload["text"]) == ("slash_commands", "list --mine"), payload
        sockets.close()
    finally:
        program.stdin.close()
        program.wait(10)


def matrix(fakes):
    import nio

    token = "syt_sentinel"
    program = subprocess.Popen([fakes, "matrix", token], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    server = program.stdout.readline().strip()
    room, kind = "!aB3/x:example.org", "m.room.message"

    async def talk():
        client = nio.AsyncClient(server, "@kanban:example.org", config=nio.AsyncClientConfig(max_limit_exceeded=1))
        client.access_token, client.user_id = token, "@kanban:example.org"
        try:
            assert (await client.whoami()).user_id == "@kanban:example.org"
            content = {"msgtype": "m.notice", "body": "hello", "m.mentions": {}}
            first = await client.room_send(room, kind, content, tx_id="dedupe00000000000001")
            again = await client.room_send(room, kind, {**content, "body": "hello?"}, tx_id="dedupe00000000000001")
            assert isinstance(first, nio.RoomSendResponse) and first.event_id == again.event_id, (first, again)
            replaced = {**content, "m.new_content": content, "m.relates_to": {"rel_type": "m.replace", "event_id": first.event_id}}
            changed = await client.room_send(room, kind, replaced, tx_id="edit1")
            assert changed.event_id != first.event_id, changed
            for where, what, status in (
                ("!foreign:example.org", content, "M_FORBIDDEN"),
                (room, {**content, "body": "x" * 70_000}, "M_TOO_LARGE"),
                (room, {"body": "x"}, "M_BAD_JSON"),
                ("!rated:example.org", content, "M_LIMIT_EXCEEDED"),
            ):
                refused = await client.room_send(where, kind, what, tx_id=f"refused {status}")
                assert isinstance(refused, nio.RoomSendError) and refused.status_code == status, (status, refused)
                if status == "M_LIMIT_EXCEEDED":
                    assert refused.retry_after_ms == 3000, refused
            secret = await client.room_get_state_event("!secret:example.org", "m.room.encryption")
            assert secret.content["algorithm"].startswith("m.megolm"), secret
            plain = await client.room_get_state_event(room, "m.room.encryption")
            assert isinstance(plain, nio.RoomGetStateEventError) and plain.status_code == "M_NOT_FOUND", plain
            only = {"room": {"timeline": {"limit": 10, "types": ["m.room.message"]}}}
            begin = await client.sync(timeout=0, sync_filter=only)
            assert isinstance(begin, nio.SyncResponse), begin
            waiting = asyncio.create_task(client.sync(timeout=30_000, since=begin.next_batch, sync_filter=only))
            program.stdin.write(f"write @ada:example.org {room} hello there\n")
            program.stdin.flush()
            (heard,) = (await waiting).rooms.join[room].timeline.events
            assert (heard.sender, heard.body) == ("@ada:example.org", "hello there"), heard
            client.access_token = "other"
            assert (await client.whoami()).status_code == "M_UNKNOWN_TOKEN"
        finally:
            await client.close()

    try:
        asyncio.run(talk())
    finally:
        program.stdin.close()
        program.wait(10)


def mattermost(fakes):
    import urllib.parse
    from mattermostdriver import Driver, exceptions

    program = subprocess.Popen([fakes, "mattermost", "sentinel"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    server = urllib.parse.urlparse(program.stdout.readline().strip())

    def driver(token):
        return Driver({"scheme": "http", "url": server.hostname, "port": server.port, "token": token})

    def expect(kind, call, *arguments, **named):
        try:
            call(*arguments, **named)
        except kind:
            return
        raise AssertionError(f"{kind.__name__} did not come")

    try:
        client = driver("sentinel")
        client.login()
        assert client.client.username == "kanban"
        channel = "4xp9fdt7pbyxdjsr3wnfp5oy1h"
        post = {"channel_id": channel, "message": "hello", "pending_post_id": "dedupe00000000000001"}
        first, again = client.posts.create_post(options=post), client.posts.create_post(options=post)
        assert (first["id"], first["channel_id"]) == (again["id"], channel), again
        below = client.posts.create_post(options={"channel_id": channel, "message": "below", "root_id": first["id"]})
        assert below["root_id"] == first["id"] and below["id"] != first["id"], below
        changed = client.posts.patch_post(first["id"], options={"message": "hello again"})
        assert (changed["id"], changed["message"]) == (first["id"], "hello again"), changed
        expect(exceptions.ResourceNotFound, client.posts.patch_post, "9" * 26, options={"message": "x"})
        expect(exceptions.NotEnoughPermissions, client.posts.create_post, options={"channel_id": "f" * 26, "message": "x"})
        expect(exceptions.InvalidOrMissingParameters, client.posts.create_post, options={"channel_id": channel, "message": "x" * 16_384})
        expect(exceptions.InvalidOrMissingParameters, client.posts.create_post, options={"channel_id": channel, "message": "x", "root_id": "9" * 26})
        expect(exceptions.NoAccessTokenProvided, driver("other").login)
    finally:
        program.stdin.close()
        program.wait(10)


def home_with(kind, secret):
    home = tempfile.mkdtemp(prefix="kx")
    os.mkdir(os.path.join(home, "credentials"))
    path = os.path.join(home, "credentials", kind)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(secret)
    return home


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(fakes, courier, home, kind, address, *rest, env=None):
    return subprocess.run(
        [fakes, "deliver", courier, home, kind, address, *rest],
        stdout=subprocess.PIPE, text=True, timeout=120, check=True, env={**os.environ, **(env or {})},
    ).stdout


def deliver(fakes, courier, home, kind, address, *rest, env=None):
    said = run(fakes, courier, home, kind, address, *rest, env=env)
    assert said.count("Sent") == 3, said


def synapse(fakes, courier):
    import json
    import time
    import urllib.error
    import urllib.parse
    import urllib.request

    place, port = tempfile.mkdtemp(prefix="kx"), free_port()
    settings = {
        "server_name": "localhost",
        "pid_file": f"{place}/pid",
        "listeners": [{"port": port, "type": "http", "bind_addresses": ["127.0.0.1"], "resources": [{"names": ["client"]}]}],
        "database": {"name": "sqlite3", "args": {"database": f"{place}/db"}},
        "media_store_path": f"{place}/media",
        "signing_key_path": f"{place}/key",
        "log_config": f"{place}/log.yaml",
        "report_stats": False,
        "trusted_key_servers": [],
        "registration_shared_secret": "x",
        "enable_registration": True,
        "enable_registration_without_verification": True,
        "macaroon_secret_key": "y",
        "form_secret": "z",
        "rc_message": {"per_second": 1000, "burst_count": 1000},
    }
    with open(f"{place}/config.yaml", "w") as file:
        json.dump(settings, file)
    with open(f"{place}/log.yaml", "w") as file:
        json.dump({"version": 1, "handlers": {"file": {"class": "logging.FileHandler", "filename": f"{place}/log"}}, "root": {"level": "WARNING", "handlers": ["file"]}}, file)
    command = [sys.executable, "-m", "synapse.app.homeserver", "--config-path", f"{place}/config.yaml"]
    subprocess.run([*command, "--generate-keys"], check=True, cwd=place)
    server = subprocess.Popen(command, cwd=place)
    url = f"http://127.0.0.1:{port}"

    def call(method, path, body=None, token=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{url}/_matrix/client/v3/{path}", data=data, method=method)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def register(name):
        body = {"username": name, "password": "a pass word", "device_id": "KANBAN", "auth": {"type": "m.login.dummy"}}
        return call("POST", "register", body)["access_token"]

    def shown(room, token):
        query = urllib.parse.urlencode({"dir": "f", "limit": 100})
        events = call("GET", f"rooms/{urllib.parse.quote(room)}/messages?{query}", token=token)["chunk"]
        return [event for event in events if event["type"] == "m.room.message"]

    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/_matrix/client/versions", timeout=30).close()
                break
            except (urllib.error.URLError, ConnectionError):
                assert server.poll() is None, open(f"{place}/log").read()
                time.sleep(0.1)
        token = register("kanban")
        room = call("POST", "createRoom", {}, token)["room_id"]
        encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
        secret = call("POST", "createRoom", {"initial_state": [encryption]}, token)["room_id"]
        space = call("POST", "createRoom", {"creation_content": {"type": "m.space"}}, token)["room_id"]
        foreign = call("POST", "createRoom", {}, register("other"))["room_id"]
        home = home_with("matrix", token)
        # The same rows twice, as after a lost answer: the homeserver knows their ids.
        for _ in range(2):
            said = run(fakes, courier, home, "matrix", room, url)
            assert said.count("Sent") == 4, said
            messages = shown(room, token)
            assert len(messages) == 4, messages
        bodies = [message["content"]["body"] for message in messages]
        assert sum("Größe" in body and "👩\u200d🔧" in body for body in bodies) == 3, bodies
        change = next(message for message in messages if message["content"]["body"].startswith("* "))
        changed = change["content"]["m.relates_to"]
        assert changed["rel_type"] == "m.replace" and changed["event_id"] in [it["event_id"] for it in messages], change
        bundled = next(it for it in messages if it["event_id"] == changed["event_id"])
        replaced = bundled["unsigned"]["m.relations"]["m.replace"]
        assert replaced["event_id"] == change["event_id"], bundled
        for where, word in ((secret, "encrypted_room"), (space, "space"), (foreign, "m_forbidden")):
            said = run(fakes, courier, home, "matrix", where, url)
            assert said.count(f'code: "{word}"') == 3, said
        assert not shown(secret, token)
        said = run(fakes, courier, home_with("matrix", "syt_other"), "matrix", room, url)
        assert said.count('code: "m_unknown_token"') == 3, said
    finally:
        server.terminate()
        server.wait(30)


def webhook(fakes, courier):
    import trustme
    from standardwebhooks import Webhook, WebhookVerificationError

    received = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((body, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    new, old = (base64.b64encode(os.urandom(size)).decode() for size in (32, 24))
    home = home_with("webhook", f"whsec_{new}\nwhsec_{old}\n")
    url = f"https://localhost:{server.server_port}/in"
    for who, trusted in (("stranger.pem", stranger), ("roots.pem", authority)):
        roots = os.path.join(home, who)
        trusted.cert_pem.write_to_path(roots)
        if trusted is stranger:
            said = run(fakes, courier, home, "webhook", url, env={"SSL_CERT_FILE": roots})
            assert said.count("tls_failed") == 3 and not received, said
        else:
            deliver(fakes, courier, home, "webhook", url, env={"SSL_CERT_FILE": roots})
    assert len(received) == 3, received
    for body, headers in received:
        for secret in (new, old):
            assert Webhook(f"whsec_{secret}").verify(body, headers)["type"] == "task.completed"
        flipped = bytes([body[0] ^ 1]) + body[1:]
        late = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 600)}
        for wrong_body, wrong_headers in ((flipped, headers), (body, late)):
            try:
                Webhook(f"whsec_{new}").verify(wrong_body, wrong_headers)
            except (WebhookVerificationError, ValueError):
                continue
            raise AssertionError("what was changed was verified")


def mail(fakes, courier):
    import trustme
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    taken, logins, port = [], [], free_port()

    class Box:
        async def handle_DATA(self, server, session, envelope):
            assert session.ssl is not None, "in the clear"
            taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
            return "250 taken"

    def login(server, session, envelope, mechanism, data):
        logins.append((mechanism, data.login, data.password))
        return AuthResult(success=data.password == b"pass:word")

    controller = Controller(
        Box(), hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True,
        auth_required=True, authenticator=login,
    )
    controller.start()
    try:
        home = home_with("mail", "board@example.org:pass:word")
        roots = os.path.join(home, "roots.pem")
        authority.cert_pem.write_to_path(roots)
        deliver(fakes, courier, home, "mail", "ann@example.org", f"smtp://localhost:{port}", env={"SSL_CERT_FILE": roots})
    finally:
        controller.stop()
    assert len(taken) == 3 and logins, (taken, logins)
    for sender, receivers, content in taken:
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert (sender, receivers) == ("board@example.org", ["ann@example.org"])
        assert message["subject"].startswith("[t_0000000") and "Größe" in message["subject"], message["subject"]
        assert message["references"] == message["in-reply-to"] and message["message-id"].endswith("@example.org>")
        text = message.get_content().replace("\r\n", "\n")
        assert "A line.\n.\nAnd another — with 👩\u200d🔧." in text, text


if __name__ == "__main__":
    {"telegram": telegram, "slack": slack, "matrix": matrix, "mattermost": mattermost, "synapse": synapse, "webhook": webhook, "mail": mail}[sys.argv[1]](*sys.argv[2:])
