"""Keys and certificates for one test run, and TLS contexts of clients and servers."""
import os
import shutil
import ssl
import subprocess
import tempfile

KINDS = {
    "rsa": ["-newkey", "rsa:2048"],
    "ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    "ed": ["-newkey", "ed25519"],
}


def make(directory, name, kind, subject):
    """NAME.key and NAME.crt in DIRECTORY, and NAME.pem with both, key first."""
    key, crt, pem = (os.path.join(directory, name + end) for end in (".key", ".crt", ".pem"))
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-days", "30", "-subj", subject, "-keyout", key, "-out", crt]
                   + KINDS[kind], check=True, stderr=subprocess.DEVNULL)
    with open(pem, "w", encoding="ascii") as out:
        for path in (key, crt):
            with open(path, encoding="ascii") as part:
                out.write(part.read())
    for path in (key, pem):
        os.chmod(path, 0o600)


def sign(directory, name, ca, subject, alternative="", days=30, authority=False):
    """NAME.pem in DIRECTORY: a key and a certificate that CA, made by make(), has signed.

    ALTERNATIVE: "DNS:a.test,DNS:b.test"; DAYS below 0: it has expired; AUTHORITY: it may sign others."""
    path = os.path.join(directory, name)
    ca = os.path.join(directory, ca)
    with open(path + ".ext", "w", encoding="ascii") as out:
        out.write("basicConstraints=CA:%s\n" % ("TRUE" if authority else "FALSE") + ("subjectAltName=%s\n" % alternative if alternative else ""))
    for command in (["req", "-new", "-nodes", "-subj", subject, "-keyout", path + ".key", "-out", path + ".csr",
                     *KINDS["ec"]],
                    ["x509", "-req", "-in", path + ".csr", "-CA", ca + ".crt", "-CAkey", ca + ".key", "-CAcreateserial",
                     "-days", str(days), "-extfile", path + ".ext", "-out", path + ".crt"]):
        subprocess.run(["openssl", *command], check=True, stderr=subprocess.DEVNULL)
    with open(path + ".pem", "w", encoding="ascii") as out:
        for end in (".key", ".crt"):
            with open(path + end, encoding="ascii") as part:
                out.write(part.read())
    os.chmod(path + ".pem", 0o600)


class Authority:
    """A directory of its own with the authority "ca" and what it has signed; ADD_CLEANUP (unittest.addModuleCleanup, ...) is
    told how to remove it."""

    def __init__(self, add_cleanup):
        self.directory = tempfile.mkdtemp(prefix="mta-ca-")
        add_cleanup(shutil.rmtree, self.directory)
        os.chmod(self.directory, 0o755)
        self.make("ca", "rsa", "/CN=Test Authority")

    def path(self, name):
        return os.path.join(self.directory, name)

    def make(self, name, kind, subject):
        make(self.directory, name, kind, subject)

    def sign(self, name, alternative, **options):
        sign(self.directory, name, "ca", "/CN=" + name, alternative, **options)

    def server(self, name="good", **options):
        """The context of a server whose certificate is NAME."""
        return server(self.path(name + ".pem"), **options)


def server(certificate, **options):
    """A server's context. OPTIONS: highest, lowest (ssl.TLSVersion), ciphers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = options.get("lowest", ssl.TLSVersion.TLSv1_2)
    context.maximum_version = options.get("highest", ssl.TLSVersion.TLSv1_3)
    if "ciphers" in options:
        context.set_ciphers(options["ciphers"])
    context.load_cert_chain(certificate)
    return context


def client(certificate=None, **options):
    """A context that trusts every server. CERTIFICATE: a PEM file with the client's key. OPTIONS: highest,
    lowest (ssl.TLSVersion), ciphers, curve."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = options.get("lowest", ssl.TLSVersion.TLSv1_2)
    context.maximum_version = options.get("highest", ssl.TLSVersion.TLSv1_3)
    if "ciphers" in options:
        context.set_ciphers(options["ciphers"])
    if "curve" in options:
        context.set_ecdh_curve(options["curve"])
    if certificate:
        context.load_cert_chain(certificate)
    return context


def subject(der):
    """The subject of a certificate as the other end sent it."""
    shown = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-subject"], input=der, check=True,
                           capture_output=True)
    return shown.stdout.decode().strip()
