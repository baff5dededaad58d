# A mail server that is not ours (Debian: python3-aiosmtpd): it wants STARTTLS and a login, takes what it is given and tells it as
# one line of JSON, read by Python's own parser of messages.
import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

host, port, chain, key, password = sys.argv[1:6]


def tell(**facts):
    print(json.dumps(facts), flush=True)


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"cake" and data.password == password.encode()
    # Not handled here: it is the server that says 535.
    return AuthResult(success=good, handled=False)


class Receiver:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 nobody is called so"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        tell(
            encrypted=session.ssl is not None,
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            subject=message["subject"],
            id=message["message-id"],
            auto=message["auto-submitted"],
            date=message["date"],
            text=message.get_body(("plain",)).get_content(),
            html=message.get_body(("html",)).get_content(),
        )
        return "250 2.0.0 taken"


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)

    def session():
        return SMTP(
            Receiver(),
            hostname="receiver",
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            auth_require_tls=True,
            authenticator=authenticate,
            enable_SMTPUTF8=True,
        )

    server = await asyncio.get_running_loop().create_server(session, host, int(port))
    tell(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
