"""A strict reader of OpenMetrics 1.0's text format, as far as transom writes it: gauges and counters of whole numbers."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
METADATA = re.compile(r"# (TYPE|UNIT|HELP) (%s) (.*)" % NAME)
SAMPLE = re.compile(r"(%s)(?:\{(.*)\})? (\d+)" % NAME)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
SUFFIX = {"gauge": "", "counter": "_total"}


def fail(line, why):
    raise AssertionError("OpenMetrics: %s: %r" % (why, line))


def read_labels(line, text):
    labels, at = {}, 0
    while at < len(text):
        found = LABEL.match(text, at)
        if found is None or found.group(1) in labels or text.endswith(","):
            fail(line, "labels")
        unescape = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}
        labels[found.group(1)] = re.sub(r'\\[\\"n]', lambda match: unescape[match.group(0)], found.group(2))
        at = found.end()
    return labels


class Family:
    def __init__(self, name):
        self.name, self.type, self.unit, self.help = name, None, None, None
        self.samples = {}       # {labels as a frozenset of pairs: number}


def read(text):
    """{family: Family} of an exposition (bytes); AssertionError where it is none."""
    text = text.decode("utf-8")
    if not text.endswith("# EOF\n") or "\r" in text:
        fail(text[-40:], "no end")
    families, current = {}, None
    for line in text[:-len("# EOF\n")].splitlines():
        metadata, sample = METADATA.fullmatch(line), SAMPLE.fullmatch(line)
        if metadata:
            kind, name, value = metadata.groups()
            if current is None or current.name != name:
                if name in families:
                    fail(line, "interleaved")
                current = families[name] = Family(name)
            if current.samples or getattr(current, kind.lower()) is not None:
                fail(line, "metadata twice, or behind samples")
            if kind == "TYPE" and value not in SUFFIX or kind == "UNIT" and not name.endswith("_" + value):
                fail(line, "value")
            setattr(current, kind.lower(), value)
        elif sample and current is not None and current.type is not None:
            name, labels, value = sample.groups()
            labels = frozenset(read_labels(line, labels or "").items())
            if name != current.name + SUFFIX[current.type] or labels in current.samples:
                fail(line, "not a sample of this family, or one twice")
            current.samples[labels] = int(value)
        else:
            fail(line, "neither metadata nor a sample")
    return families


def value(families, family, **labels):
    """One number; KeyError when there is none with exactly these labels."""
    return families[family].samples[frozenset(labels.items())]
