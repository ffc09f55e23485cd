"""Libraries that are preloaded into programs under test (killshim.c, failshim.c)."""
import os
import subprocess
import tempfile


def build_shim(add_cleanup, name):
    """The path of the library. ADD_CLEANUP is told how to remove it (TestCase.addCleanup, unittest.addModuleCleanup)."""
    directory = tempfile.TemporaryDirectory(prefix=name + ".")
    add_cleanup(directory.cleanup)
    os.chmod(directory.name, 0o755)
    path = os.path.join(directory.name, name + ".so")
    source = os.path.join(os.path.dirname(__file__), name + ".c")
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", path, source, "-ldl"], check=True)
    return path
