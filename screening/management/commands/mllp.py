"""Take in HL7 v2 results: ``manage.py mllp --port 2575``."""

import asyncio
import ipaddress
import signal
import ssl
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from screening.machines.mllp import MllpServer


class Command(BaseCommand):
    """Serves HL7 v2 ORU^R01 over MLLP until it is told to stop (SIGTERM, SIGINT).

    Who may send what for whom is in the table of machine connections (docs/operations.md). MLLP has no secret of its
    own: beyond this machine give a certificate, or listen on a private network only.
    """

    help = "Receive laboratory results as HL7 v2 ORU^R01 over MLLP."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen, and TLS."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
        parser.add_argument("--port", type=int, default=2575)
        parser.add_argument("--certificate", type=Path, help="PEM file: serve TLS with it")
        parser.add_argument("--key", type=Path, help="PEM file of its private key")
        parser.add_argument("--client-ca", type=Path, help="PEM file: ask senders for certificates of this authority")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve."""
        tls = self.context(options["certificate"], options["key"], options["client_ca"])
        if tls is None and not _is_loopback(options["host"]):
            self.stderr.write("Without --certificate, messages cross the network in the clear.")
        asyncio.run(self.serve(MllpServer(options["host"], options["port"], tls)))

    async def serve(self, server: MllpServer) -> None:
        """Until a signal comes."""
        try:
            await server.start()
        except OSError as error:
            raise CommandError(f"Cannot listen on {server.host}:{server.port}: {error.strerror}.") from None
        self.stdout.write(f"MLLP on {server.host}:{server.port}")
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await stopped.wait()
        await server.stop()

    def context(self, certificate: Path | None, key: Path | None, client_ca: Path | None) -> ssl.SSLContext | None:
        """TLS, if it is asked for."""
        if certificate is None:
            if key or client_ca:
                raise CommandError("--key and --client-ca go with --certificate.")
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        if client_ca:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
