"""Replies as bytes: what a connection takes for an answer, what it refuses, and when it is used again."""

import asyncio
import contextlib
import gzip
import zlib

import pytest

from fiducial.kernel.errors import SubjectError
from fiducial.subjects._settings import Limits
from fiducial.subjects._wire import Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + b"ok"


@contextlib.asynccontextmanager
async def saying(*replies, host="127.0.0.1", tls=None):
    """A server that sends `replies` as bytes, one a request, the last one for ever; None in a reply ends the connection.

    Gives its URL, the requests, and for each request the number of its connection.
    """
    requests, lines, tasks = [], [], set()
    count = 0

    async def connected(reader, writer):
        nonlocal count
        count += 1
        mine = count
        tasks.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError), contextlib.closing(writer):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                requests.append(head + await reader.readexactly(int(sizes[0].split(b":")[1])))
                lines.append(mine)
                reply = replies[min(len(requests), len(replies)) - 1]
                for piece in reply if isinstance(reply, list) else [reply]:
                    if piece is None:
                        return
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.005)

    server = await asyncio.start_server(connected, host, 0, ssl=tls)
    try:
        yield f"http{'s' if tls else ''}://{host}:{server.sockets[0].getsockname()[1]}/v1", requests, lines
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


def asked(*replies, times=1, host="127.0.0.1", headers=None, pause=0.0, **limits):
    """What `times` requests in a row came to (a body, or the kind of failure), the requests, and the connection of each."""

    async def main():
        found = []
        async with saying(*replies, host=host) as (url, requests, lines):
            wire = Wire(host, headers or {}, Limits(**{"timeout": 5.0, "max_bytes": 1000, **limits}))
            for n in range(times):
                try:
                    found.append((await wire.send(url, b'{"n":%d}' % n)).body)
                except SubjectError as error:
                    found.append(error.kind)
                await asyncio.sleep(pause)
            await wire.close()
        return found, requests, lines

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (OK, b"yes"),
        ([OK[:9], OK[9:25], OK[25:-1], OK[-1:]], b"yes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nye\r\n1;more=x\r\ns\r\n0\r\nTrailer: t\r\n\r\n", b"yes"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, b"yes"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: GZIP\r\nContent-Length: 23\r\n\r\n" + gzip.compress(b"yes", mtime=0), b"yes"),
        ([b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n" + zlib.compress(b"yes")[2:-4], None], b"yes"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
def test_a_reply_in_any_form_that_http_allows(reply, body):
    found, _, _ = asked(reply, times=2)
    assert found == [body, body]


def test_without_a_length_the_end_of_the_connection_is_the_end_of_the_body():
    found, _, lines = asked([b"HTTP/1.1 200 OK\r\n\r\nye", b"s", None], times=2)
    assert found == [b"yes", b"yes"]
    assert lines == [1, 2]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nyes", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nyes!", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nyes\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nbad header line\r\n\r\n", "malformed"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "malformed"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nyes", None], "malformed"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n", None], "malformed"),
        ([b"HTTP/1.1 200 OK\r\nContent-Len", None], "malformed"),
        ([None], "connection"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000, "malformed"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 20_000, "malformed"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 4000, "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;" + b"e" * 140_000, "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n" + b"X: a\r\n" * 90_000, "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "too large"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 1001, "too large"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"a" * 1001, "too large"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nyes", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n" + gzip.compress(b"yes", mtime=0)[:12], "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nyes", "timeout"),
    ],
)
def test_what_is_no_reply_is_refused_and_its_connection_never_used_again(reply, kind):
    found, _, lines = asked(reply, OK, times=2, timeout=0.3 if kind == "timeout" else 5.0)
    assert found == [kind, b"yes"]
    assert lines == [1, 2]


def test_a_connection_serves_one_request_after_the_other():
    found, requests, lines = asked(OK, times=5, headers={"X-One": "1", "content-type": "text/json"})
    assert found == [b"yes"] * 5
    assert lines == [1] * 5
    assert requests[4].endswith(b'\r\n\r\n{"n":4}')
    head = requests[4].split(b"\r\n")
    assert head[0] == b"POST /v1 HTTP/1.1"
    assert [line.split(b":")[0].lower() for line in head].count(b"content-type") == 1
    assert b"X-One: 1" in head


@pytest.mark.parametrize(
    "reply",
    [
        OK + OK,  # twice at once
        OK + b"garbage",  # more than the length that was told
        [OK, OK],  # once more, when nobody asks
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nyes",
        [OK, None],
    ],
)
def test_after_a_surplus_or_an_announced_end_the_next_request_takes_another_connection(reply):
    found, _, lines = asked(reply, KEPT, times=3, pause=0.03)
    assert found == [b"yes", b"ok", b"ok"]
    assert lines == [1, 2, 2]


def test_of_two_requests_at_once_the_slow_one_alone_runs_out_of_time():
    async def main():
        async with saying([b"", b"", b"", OK[:20]], OK) as (url, _, lines):
            wire = Wire("host", {}, Limits(timeout=0.2))
            slow = asyncio.create_task(wire.send(url, b"{}"))
            await asyncio.sleep(0.02)
            quick = [(await wire.send(url, b"{}")).body for _ in range(3)]
            with pytest.raises(SubjectError) as caught:
                await slow
            await wire.close()
            return quick, caught.value.kind, lines

    assert asyncio.run(main()) == ([b"yes"] * 3, "timeout", [1, 2, 2, 2])


def test_a_request_that_nobody_waits_for_any_more_takes_its_connection_with_it():
    async def main():
        async with saying([b"", OK], KEPT) as (url, _, lines):
            wire = Wire("host", {}, Limits())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.002):
                    await wire.send(url, b"{}")
            body = (await wire.send(url, b"{}")).body
            await wire.close()
            return body, len(set(lines))

    assert asyncio.run(main()) == (b"ok", 2)


def test_a_wire_that_was_not_closed_keeps_time_in_another_loop():
    wire = Wire("host", {}, Limits(timeout=0.1))

    async def main(reply):
        async with saying(reply) as (url, _, _):
            return (await wire.send(url, b"{}")).body

    assert asyncio.run(main(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))) == b"yes"
    with pytest.raises(SubjectError) as caught:
        asyncio.run(main(b""))
    assert caught.value.kind == "timeout"


def test_a_host_by_name_is_looked_up_and_found_again():
    assert asked(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), times=3, host="localhost")[0] == [b"yes"] * 3


def test_over_tls_a_trusted_certificate_is_verified_and_its_connection_kept(tmp_path, monkeypatch):
    server = certified(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "pair.pem"))

    async def main():
        async with saying(OK, host="localhost", tls=server) as (url, _, lines):
            wire = Wire("host", {}, Limits())
            bodies = [(await wire.send(url, b"{}")).body for _ in range(3)]
            await wire.close()
            with pytest.raises(SubjectError) as caught:
                await wire.send(url.replace("localhost", "127.0.0.1"), b"{}")
            await wire.close()
            return bodies, lines, caught.value.kind

    assert asyncio.run(main()) == ([b"yes"] * 3, [1, 1, 1], "certificate")


def certified(folder, name):
    """A server's TLS context; the certificate of its host is in ``pair.pem``."""
    import datetime as dt
    import ssl

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    who, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False).sign(key, hashes.SHA256())
    plain = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "pair.pem").write_bytes(plain + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pair.pem")
    return context
