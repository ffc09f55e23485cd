"""force_mime_input_conversion: what says that it is 8-bit is quoted-printable before anything looks at it."""
import email
import unittest

from support.cleanup import END, Cleanup, content, envelope
from support.product import staged

CHECKS = "/^Content-Transfer-Encoding: quoted/ PREPEND X-Seen: encoding\n/./ DUNNO\n"
BODY_CHECKS = "/=C3=B6/ PREPEND seen\n/^drop/ IGNORE\n"
HEAD = "Message-Id: <m>\nFrom: a@b.test\nDate: d\nTo: b@b.test\n"
EIGHT = "Content-Transfer-Encoding: 8bit\n"
QP = "Content-Transfer-Encoding: quoted-printable\n"


class Conversion(unittest.TestCase):
    main_cf = ""

    def setUp(self):
        self.cleanup = Cleanup(staged().daemon("cleanup"), "force_mime_input_conversion = yes\n" + self.main_cf)
        self.addCleanup(self.cleanup.stop)
        for name, text in (("headers", CHECKS), ("body", BODY_CHECKS)):
            with open(self.cleanup.path(name), "w", encoding="utf-8") as f:
                f.write(text)
        self.cleanup.start()

    def stored(self, text):
        queue_id, answer = self.cleanup.send(envelope() + content(HEAD + text) + END)
        self.assertEqual(answer["status"], 0, answer)
        text = self.cleanup.text(queue_id)
        self.assertTrue(text.startswith(HEAD), text)
        return text[len(HEAD):]


class Content(Conversion):
    def test_shapes(self):
        for before, after in (
                ("\nplain\n", "\nplain\n"),
                ("\n\xc3\xb6 says nothing\n", "\n\xc3\xb6 says nothing\n"),
                (EIGHT + "X: y\n\n\xc3\xb6=\nb \n", "X: y\n" + QP + "\n=C3=B6=3D\nb=20\n"),
                (EIGHT + "X: y\n  z\n\nb\n", "X: y\n  z\n" + QP + "\nb\n"),
                (EIGHT.replace("8bit", "binary") + "\n\xff\n", QP + "\n=FF\n"),
                (EIGHT.replace("8bit", "base64") + "\nw7Y=\n", EIGHT.replace("8bit", "base64") + "\nw7Y=\n"),
                (EIGHT, QP),
                (EIGHT + "\n", QP + "\n"),
                # the end of the header is missing; encoded, the line would look like one
                (EIGHT + "\xc3\xb6: x\ny: z\n", QP + "\n=C3=B6: x\ny: z\n"),
                ("From x\n" + EIGHT + "\n\xff\n", "X-Mailbox-Line: From x\n" + QP + "\n=FF\n")):
            with self.subTest(before):
                if before.startswith("From "):     # the line stands at the top, before our headers
                    queue_id, _ = self.cleanup.send(
                        envelope() + content("From x\n" + HEAD + before.split("\n", 1)[1]) + END)
                    after = "X-Mailbox-Line: From x\n" + HEAD + after.split("\n", 1)[1]
                    self.assertEqual(self.cleanup.text(queue_id), after)
                else:
                    self.assertEqual(self.stored(before), after)

    def test_parts(self):
        part = "Content-Type: text/plain\n" + EIGHT + "\n\xc3\xb6\n"
        nested = "Content-Type: message/rfc822\n" + EIGHT + "\nSubject: in\n" + EIGHT + "\n\xe4\n"
        got = self.stored("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n" + EIGHT +
                          "\npreface \xf6\n--b\n" + part + "--b\n" + nested + "--b\nContent-Type: text/x\n\nplain =\n--b--\n")
        self.assertEqual(got, "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
                         "Content-Transfer-Encoding: 7bit\n\npreface \xf6\n--b\nContent-Type: text/plain\n" + QP +
                         "\n=C3=B6\n--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\n"
                         "Subject: in\n" + QP + "\n=E4\n--b\nContent-Type: text/x\n\nplain =\n--b--\n")
        leaves = [p.get_payload(decode=True) for p in email.message_from_string(got).walk() if not p.is_multipart()]
        self.assertEqual(leaves, [b"\xc3\xb6", b"\xe4", b"plain ="])

    def test_long_lines(self):
        """They come in records of 2048 bytes; no line of what is stored is longer than 76."""
        for length in (75, 76, 77, 2047, 2048, 2049, 4096, 10000):
            line = ("\xf6 " * length)[:length]
            got = self.stored(EIGHT + "\n" + line + "\nend\n")
            self.assertLessEqual(max(map(len, got.splitlines())), 76)
            decoded = email.message_from_string(got).get_payload(decode=True)
            self.assertEqual(decoded, (line + "\nend\n").encode("latin1"), length)
            plain = "\n" + line + "\nend\n"
            self.assertEqual(self.stored(plain), plain)


class Checks(Conversion):
    main_cf = "header_checks = regexp:@dir@/headers\nbody_checks = regexp:@dir@/body\n"

    def test_they_see_what_is_stored(self):
        self.assertEqual(self.stored(EIGHT + "\n\xc3\xb6\ndrop\nend\n"),
                         "X-Seen: encoding\n" + QP + "\nseen\n=C3=B6\nend\n")


class Off(Conversion):
    main_cf = "disable_mime_input_processing = yes\n"

    def test_no_mime_no_conversion(self):
        self.assertEqual(self.stored(EIGHT + "\n\xc3\xb6\n"), EIGHT + "\n\xc3\xb6\n")


class Broken(Conversion):
    main_cf = "non_empty_end_of_header_action = reject\n"

    def test_header_without_an_end(self):
        for claim in (EIGHT, ""):
            _, answer = self.cleanup.send(envelope() + content(HEAD + claim + "no header\n") + END)
            self.assertEqual(answer["smtp_code"], 550)
            self.assertEqual(answer["reason"], "5.6.0 message header was not terminated by empty line")


if __name__ == "__main__":
    unittest.main()
