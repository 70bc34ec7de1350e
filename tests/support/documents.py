"""A page as a browser reads it."""

from html.parser import HTMLParser

NOT_CLOSED = {"meta", "link"}
HOSTILE = "<script>alert(1)</script>'\"&amp;\u202e\x00"


class Document(HTMLParser):
    """What a browser makes of a page; fails where elements are not nested properly."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name not in NOT_CLOSED:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.elements.append((name, dict(attributes)))

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        return "".join(self.words)

    def all(self, name):
        return [attributes for each, attributes in self.elements if each == name]
