"""Debian's postfix takes what our courier sends: postfix.py FAKES COURIER

It runs as on a host of its own, with its configuration, queue and boxes in a temporary folder and two ports of the loopback: one
wants STARTTLS and then a login, one knows no TLS and takes the login in the clear. What lies in the box is read by Python's email module.
"""

import base64
import email
import email.policy
import os
import pwd
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

import trustme

from channels import free_port, home_with, run

DOMAIN = "example.org"
LOGIN, PASSWORD = f"board@{DOMAIN}", "pass:word"
SERVICES = """
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
showq     unix  n - n - - showq
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""


class Logins(socketserver.StreamRequestHandler):
    """Whose password is right, in the words of Dovecot: postfix itself knows none."""

    def handle(self):
        self.wfile.write(b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0123456789abcdef0123456789abcdef\nDONE\n")
        for line in self.rfile:
            words = line.decode().rstrip("\n").split("\t")
            if words[0] != "AUTH":
                continue
            given = next(word for word in words if word.startswith("resp="))
            login = base64.b64decode(given.removeprefix("resp=")).split(b"\0")[1:]
            is_right = login == [LOGIN.encode(), PASSWORD.encode()]
            self.wfile.write(f"{'OK' if is_right else 'FAIL'}\t{words[1]}\tuser={LOGIN}\n".encode())


class Postfix:
    """The server, ended with the block."""

    def __init__(self):
        # Its parts run as a user of their own and go through it; a socket's path has 108 bytes.
        self.place = tempfile.mkdtemp(prefix="kp", dir="/tmp")
        os.chmod(self.place, 0o755)
        self.port, self.clear_port = free_port(), free_port()
        self.authority = trustme.CA()
        self.program = None

    def at(self, *names):
        return os.path.join(self.place, *names)

    def write(self, name, text):
        with open(self.at(name), "w") as file:
            file.write(text)

    def __enter__(self):
        owner = pwd.getpwnam("postfix")
        for name in ("conf", "queue", "data", "mail"):
            os.mkdir(self.at(name), 0o755)
        for name in ("data", "mail"):
            os.chown(self.at(name), owner.pw_uid, owner.pw_gid)
        leaf = self.authority.issue_cert("localhost")
        leaf.private_key_and_cert_chain_pem.write_to_path(self.at("tls.pem"))
        os.chmod(self.at("tls.pem"), 0o600)
        self.logins = socketserver.ThreadingUnixStreamServer(self.at("logins"), Logins)
        self.logins.daemon_threads = True
        os.chmod(self.at("logins"), 0o666)
        threading.Thread(target=self.logins.serve_forever, daemon=True).start()
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": self.at("queue"),
            "data_directory": self.at("data"),
            "mail_owner": "postfix",
            "maillog_file": self.at("log"),
            "maillog_file_prefixes": self.place,
            "myhostname": f"mx.{DOMAIN}",
            "mydestination": "",
            "mynetworks": "192.0.2.1/32",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "alias_maps": "",
            "alias_database": "",
            "virtual_mailbox_domains": DOMAIN,
            "virtual_mailbox_base": self.at("mail"),
            "virtual_mailbox_maps": "inline:{ { ann@%s = ann/ }, { later@%s = later/ } }" % (DOMAIN, DOMAIN),
            "virtual_minimum_uid": "1",
            "virtual_uid_maps": f"static:{owner.pw_uid}",
            "virtual_gid_maps": f"static:{owner.pw_gid}",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
            "smtpd_recipient_restrictions": "check_recipient_access inline:{ { later@%s = 450 4.2.1 greylisted } }" % DOMAIN,
            "smtpd_tls_chain_files": self.at("tls.pem"),
            "smtpd_tls_auth_only": "yes",
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": self.at("logins"),
            "smtpd_sasl_security_options": "noanonymous",
        }
        self.write("conf/main.cf", "".join(f"{name} = {value}\n" for name, value in settings.items()))
        ports = f"127.0.0.1:{self.port} inet n - n - - smtpd -o smtpd_tls_security_level=encrypt\n"
        ports += f"127.0.0.1:{self.clear_port} inet n - n - - smtpd -o smtpd_tls_security_level=none -o smtpd_tls_auth_only=no\n"
        self.write("conf/master.cf", ports + SERVICES)
        self.program = subprocess.Popen(["postfix", "-c", self.at("conf"), "start-fg"], stdin=subprocess.DEVNULL)
        self.wait("ports", lambda: "daemon started" in self.log())
        return self

    def __exit__(self, *_):
        # The program that was started is a script in front of it.
        with open(self.at("queue", "pid", "master.pid")) as file:
            os.kill(int(file.read()), signal.SIGTERM)
        self.program.wait(30)
        self.logins.shutdown()
        shutil.rmtree(self.place)

    def log(self):
        try:
            with open(self.at("log")) as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def wait(self, what, is_so):
        for _ in range(600):
            if is_so():
                return
            assert self.program.poll() is None, self.log()
            time.sleep(0.1)
        raise AssertionError(f"no {what}: {self.log()}")

    def box(self):
        new = self.at("mail", "ann", "new")
        return [os.path.join(new, name) for name in sorted(os.listdir(new))] if os.path.isdir(new) else []

    def take(self):
        """The three mails of one delivery, out of the box."""
        self.wait("mails", lambda: len(self.box()) == 3)
        mails = []
        for path in self.box():
            with open(path, "rb") as file:
                mails.append(email.message_from_binary_file(file, policy=email.policy.default))
            os.remove(path)
        return mails


def check(mails, how):
    for mail in mails:
        assert mail.defects == [] and not mail.is_multipart(), mail.defects
        assert (mail["to"], mail["delivered-to"]) == (f"ann@{DOMAIN}", f"ann@{DOMAIN}"), mail.items()
        assert mail["return-path"] == f"<{LOGIN}>" and mail["from"].addresses[0].addr_spec == LOGIN, mail.items()
        assert mail["subject"].startswith("[t_0000000") and "Größe" in mail["subject"], mail["subject"]
        assert mail["references"] == mail["in-reply-to"] and mail["auto-submitted"] == "auto-generated", mail.items()
        assert len(mail.get_all("message-id")) == len(mail.get_all("date")) == 1, mail.items()
        assert f"with {how} id" in mail["received"], mail["received"]
        text = mail.get_content().replace("\r\n", "\n")
        assert "A line.\n.\nAnd another — with 👩\u200d🔧." in text, text
    ids = {mail["message-id"] for mail in mails}
    assert len(ids) == 3 and all(it.endswith(f"@{DOMAIN}>") for it in ids), ids
    return ids


def main(fakes, courier):
    with Postfix() as server:
        roots = server.at("roots.pem")
        server.authority.cert_pem.write_to_path(roots)
        home = home_with("mail", f"{LOGIN}:{PASSWORD}")

        def send(receiver, port, at=home):
            return run(fakes, courier, at, "mail", f"{receiver}@{DOMAIN}", f"smtp://localhost:{port}", env={"SSL_CERT_FILE": roots})

        said = send("ann", server.port)
        assert said.count("Sent") == 3, said + server.log()
        first = check(server.take(), "ESMTPSA")
        # Once more, as after an answer that was lost, and without TLS, which only this host may do: the same ids.
        said = send("ann", server.clear_port)
        assert said.count("Sent") == 3, said + server.log()
        assert check(server.take(), "ESMTPA") == first
        other = home_with("mail", f"{LOGIN}:other")
        for receiver, at, outcome, code in (
            ("nobody", home, "Permanent", "smtp_550"),
            ("later", home, "Temporary", "smtp_450"),
            ("ann", other, "ChannelDead", "smtp_535"),
        ):
            said = send(receiver, server.port, at)
            assert said.count(outcome) == 3 and said.count(f'code: "{code}"') == 3, said + server.log()
        assert server.box() == [], server.box()
        queue = subprocess.run(["postqueue", "-c", server.at("conf"), "-p"], stdout=subprocess.PIPE, text=True, check=True).stdout
        assert "Mail queue is empty" in queue, queue


if __name__ == "__main__":
    main(*sys.argv[1:])
