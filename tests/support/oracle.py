"""The Postfix to compare with: Debian's, unpacked by tests/compare/unpack-oracle.

MTA_ORACLE names the directory it was unpacked in. It has to run as root.
"""
import os
import unittest

from .product import Product


def missing():
    """Why there is nothing to compare with, or None."""
    where = os.environ.get("MTA_ORACLE")
    if not where:
        return "MTA_ORACLE is not set; tests/compare/unpack-oracle DIR makes it"
    if not os.path.exists(os.path.join(where, "root/usr/sbin/postfix")):
        return "MTA_ORACLE=%s holds no unpacked Postfix" % where
    if os.geteuid() != 0:
        return "Debian's Postfix runs as root only"
    return None


def product():
    where = os.path.abspath(os.environ["MTA_ORACLE"])
    return Product("oracle", os.path.join(where, "root"), os.path.join(where, "dynamicmaps.cf"),
                   os.path.join(where, "root/usr/lib/postfix"))


def needed(cls):
    """Class decorator: skip the tests, with the reason, where there is no oracle."""
    reason = missing()
    return unittest.skip(reason)(cls) if reason else cls
