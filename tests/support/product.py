"""Where the programs are: the staged tree of this project, or another one to compare with."""
import os


class Product:
    """An installation below a root directory: ROOT/usr/sbin, ROOT/usr/lib/postfix/sbin, ..."""

    def __init__(self, label, root, dynamicmaps=None, shlib_directory=None):
        self.label = label
        self.root = os.path.abspath(root)
        self.sbin = os.path.join(self.root, "usr/sbin")
        self.bin = os.path.join(self.root, "usr/bin")
        self.daemons = os.path.join(self.root, "usr/lib/postfix/sbin")
        self.etc = os.path.join(self.root, "etc/postfix")
        self.dynamicmaps = dynamicmaps or os.path.join(self.etc, "dynamicmaps.cf")
        self.shlib_directory = shlib_directory

    def command(self, name):
        for where in (self.sbin, self.bin):
            path = os.path.join(where, name)
            if os.path.exists(path):
                return path
        return os.path.join(self.sbin, name)

    def daemon(self, name):
        return os.path.join(self.daemons, name)

    def has_daemon(self, name):
        return os.access(self.daemon(name), os.X_OK)


def staged():
    """The tree `cmake --install` made; MTA_STAGE names its root."""
    root = os.environ.get("MTA_STAGE")
    if not root:
        raise RuntimeError("MTA_STAGE does not name the staged installation (tests/README)")
    if not os.path.isdir(os.path.join(root, "usr/sbin")):
        raise RuntimeError("MTA_STAGE=%s: no usr/sbin there; run ctest, or "
                           "`DESTDIR=%s cmake --install BUILD`" % (root, root))
    return Product("suite", root)
