"""An HTML page that a test reads."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """A parsed page.

    `tags` holds (name, attributes) in order; `figures` holds the texts of each figure's picture and
    of its table.
    """

    def __init__(self, source):
        super().__init__()
        self.source, self.tags, self.texts, self.open = source, [], [], []
        self.figures = []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "figure":
            self.figures.append({"svg": [], "table": []})
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and "style" not in self.open:
            self.texts.append(data)
        for part in ("svg", "table"):
            if "figure" in self.open and part in self.open and data.strip():
                self.figures[-1][part].append(data.strip())

    @property
    def text(self):
        return " ".join(self.texts)

    def all(self, attribute):
        return [attributes[attribute] for _, attributes in self.tags if attribute in attributes]

    @property
    def sections(self):
        return [attributes["id"] for tag, attributes in self.tags if tag == "section"]
