"""Certificates for servers that speak TLS."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def write(folder: Path, name: str):
    """Write a self-signed certificate for this name and 127.0.0.1, and its key.

    They are `tls.pem` and `tls.key`; `haproxy.pem` holds both.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    serial = x509.random_serial_number()
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), serial, now, now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for file, content in (("tls.pem", public), ("tls.key", private), ("haproxy.pem", public + private)):
        (folder / file).write_bytes(content)
        (folder / file).chmod(0o600)
