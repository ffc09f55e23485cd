"""A user's browser at Roundcube: forms are filled in and sent with the tokens they came with.

    with network.HostOfProcess(host.pid):
        anna = Browser("http://127.0.0.1:8080/", "anna", "secret")
        anna.send("pepe@example.org", "hola", "Hola.")
"""
import html
import http.cookiejar
import json
import re
import urllib.parse
import urllib.request


class Browser:
    """USER, logged in; urllib's HTTPError with code 401 when the password is wrong."""

    def __init__(self, top, user, password):
        self.top = top
        # never by way of the proxy of whoever runs the tests
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                                  urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        form = self.form(self.get())
        form.update(_user=user, _pass=password)
        self.token = self.environment(self.post("?_task=login", form))["request_token"]

    def get(self, query="", headers=None):
        request = urllib.request.Request(self.top + query, headers=headers or {})
        return self.opener.open(request, timeout=60).read().decode()

    def post(self, query, fields):
        return self.opener.open(self.top + query, urllib.parse.urlencode(fields).encode(), timeout=60).read().decode()

    @staticmethod
    def environment(page):
        """What the page tells its own scripts."""
        return json.loads(re.search(r"rcmail\.set_env\((\{.*?\})\);\n", page).group(1))

    @staticmethod
    def form(page):
        """What the page's form has in it before anybody writes: hidden fields, and what is chosen in lists."""
        text = re.search(r'(?s)<form [^>]*method="post".*?</form>', page).group()
        fields = {}
        for tag in re.findall(r"<input [^>]*>", text):
            attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
            if attributes.get("type") == "hidden":
                fields[attributes["name"]] = html.unescape(attributes.get("value", ""))
        for choice, options in re.findall(r'(?s)<select [^>]*name="([^"]*)"[^>]*>(.*?)</select>', text):
            value = re.search(r'<option value="([^"]*)" selected', options)
            fields[choice] = html.unescape(value.group(1)) if value else ""
        return fields

    def send(self, to, subject, text):
        """By the form for new messages; what Roundcube says of it."""
        form = self.form(self.get("?_task=mail&_action=compose"))
        form.update(_action="send", _to=to, _subject=subject, _message=text, _is_html="0", _framed="1")
        return self.post("?_task=mail&_framed=1", form)

    def inbox(self):
        """{subject: number of the message}"""
        said = json.loads(self.get("?_task=mail&_action=list&_mbox=INBOX&_remote=1", {"X-Roundcube-Request": self.token}))
        rows = re.findall(r'this\.add_message_row\((\d+),(\{.*?\}),', said["exec"])
        return {html.unescape(json.loads(row)["subject"]): number for number, row in rows}

    def show(self, number):
        return self.get("?_task=mail&_action=show&_mbox=INBOX&_uid=" + number)
