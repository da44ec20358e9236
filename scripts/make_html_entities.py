#!/usr/bin/env python3
"""Writes src/clip/html_entities.inc: the HTML standard's named characters, from Python's own table of them.

Needs Python 3.11 and nothing else. The table is frozen in the standard, so there is a reason to run this again only
if the file's form is to change:

    python3 scripts/make_html_entities.py > src/clip/html_entities.inc
"""
from html.entities import html5

WIDTH = 110
HEADER = """\
// Made by scripts/make_html_entities.py; not to be edited.
// The {count} named characters of the HTML standard, sorted by name: {{name, code point, second one if any}}.
// A name without its semicolon is one that HTML also takes so.
"""


def initializer(name, text):
    return "{" + ",".join([f'"{name}"', *(f"{ord(character):#x}" for character in text)]) + "}"


def lines(words):
    line = ""
    for word in words:
        if line and len(line) + len(word) > WIDTH:
            yield line
            line = ""
        line += word
    yield line


def main():
    # Python sorts text by code point; names are ASCII, so that is the order of C++'s string_view.
    words = [initializer(name, html5[name]) + "," for name in sorted(html5)]
    print(HEADER.format(count=len(words)) + "\n".join(lines(words)))


if __name__ == "__main__":
    main()
