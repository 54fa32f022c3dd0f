"""Clients and verifiers of others against our fakes and our courier.

    channels.py telegram FAKES            python-telegram-bot at the fake of Telegram
    channels.py webhook FAKES COURIER     standardwebhooks verifies what the courier signs
    channels.py mail FAKES COURIER        aiosmtpd with STARTTLS, a certificate of trustme and a login takes what the courier sends
"""

import asyncio
import base64
import email
import email.policy
import http.server
import os
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
            assert [it.message.text for it in await second] == ["hello"]

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
    {"telegram": telegram, "webhook": webhook, "mail": mail}[sys.argv[1]](*sys.argv[2:])
