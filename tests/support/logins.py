"""The server's side of AUTH for support.sink: PLAIN, LOGIN, CRAM-MD5 and XOAUTH2 against a dict of passwords.

A mechanism is a generator: it yields challenges, is sent responses, and returns the user or None.
"""
import base64
import binascii
import hashlib
import hmac

GOOD, BAD = "235 2.7.0 Authentication successful", "535 5.7.8 Error: authentication failed"
CHALLENGE = "<1896.697170952@sink.test>"


def _plain(passwords, initial):
    response = (yield "") if initial is None else initial
    fields = response.split("\0")
    if len(fields) == 3 and passwords.get(fields[1]) == fields[2]:
        return fields[1]
    return None


def _login(passwords, initial):
    user = (yield "Username:") if initial is None else initial
    return user if passwords.get(user) == (yield "Password:") else None


def _cram_md5(passwords, _):
    user, _, digest = (yield CHALLENGE).rpartition(" ")
    wanted = hmac.new(passwords.get(user, "").encode(), CHALLENGE.encode(), hashlib.md5).hexdigest()
    return user if user in passwords and digest == wanted else None


def _xoauth2(passwords, initial):
    """Passwords are the tokens; a failure is told in a challenge, which wants an empty response."""
    fields = dict(field.partition("=")[::2] for field in (initial or "").split("\1") if field)
    if passwords.get(fields.get("user"), "") and fields.get("auth") == "Bearer " + passwords[fields["user"]]:
        return fields["user"]
    yield '{"status":"401"}'
    return None


MECHANISMS = {"PLAIN": _plain, "LOGIN": _login, "CRAM-MD5": _cram_md5, "XOAUTH2": _xoauth2}


def _decoded(text):
    return "" if text == "=" else base64.b64decode(text, validate=True).decode("latin-1")


class Exchange:
    """One AUTH command; `user` is set once it has succeeded."""

    def __init__(self, passwords):
        self.passwords, self.steps, self.user = passwords, None, None

    def _next(self, step):
        try:
            return "334 " + base64.b64encode(step().encode("latin-1")).decode()
        except StopIteration as end:
            self.user = end.value
            return GOOD if self.user is not None else BAD
        except (binascii.Error, UnicodeDecodeError):
            return "501 5.5.2 Not base64"

    def begin(self, line):
        """The reply to LINE: AUTH, mechanism, perhaps an initial response."""
        words = line.split(" ")
        mechanism = MECHANISMS.get(words[1].upper()) if len(words) > 1 else None
        if not mechanism:
            return "504 5.5.4 Unknown mechanism"

        def first():
            self.steps = mechanism(self.passwords, _decoded(words[2]) if len(words) > 2 else None)
            return next(self.steps)
        return self._next(first)

    def go_on(self, line):
        if line == "*" or not self.steps:
            return "501 5.7.0 Authentication aborted"
        return self._next(lambda: self.steps.send(_decoded(line)))
