"""pages_test.py THEORY: the two editions of the theory pages agree, and show the tables of generated/."""

import os
import re
import sys
import unittest
import xml.etree.ElementTree

THEORY = sys.argv[1]
sys.path.insert(0, THEORY)
import tables  # noqa: E402

BLOCK = re.compile(r"<!-- table (\w+) -->\n(.*?)<!-- end -->", re.S)


def pages(language):
    found = {}
    for other, path in tables.pages():
        if other == language:
            with open(path, encoding="utf-8") as file:
                found[os.path.basename(path)] = file.read()
    return found


def numbers(block):
    """The figures of a table's rows, without its heading."""
    rows = [line for line in block.splitlines() if line.startswith("|")][2:]
    return [re.findall(r"-?\d[\d,.×]*", row) for row in rows]


class Pages(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.english, self.persian = pages("en"), pages("fa")

    def test_tables_are_those_of_generated(self):
        for language, texts in (("en", self.english), ("fa", self.persian)):
            for name, text in texts.items():
                with self.subTest(language + "/" + name):
                    self.assertEqual(tables.fill(text, language), text, "run docs/theory/tables.py")

    def test_both_editions_have_the_same_pages(self):
        self.assertEqual(set(self.english), set(self.persian))
        self.assertGreaterEqual(len(self.english), 5)

    def test_both_editions_show_the_same_numbers(self):
        shown = set()
        for name, text in self.english.items():
            here, there = BLOCK.findall(text), BLOCK.findall(self.persian[name])
            self.assertEqual([table for table, _ in here], [table for table, _ in there], name)
            for (table, block), (_, other) in zip(here, there):
                self.assertEqual(numbers(block), numbers(other), table)
                self.assertTrue(any(numbers(block)), table)
                shown.add(table)
        self.assertEqual(shown, set(tables.TABLES))

    def test_both_editions_show_the_same_formulas(self):
        for name, text in self.english.items():
            formulas = [set(re.findall(r"^\$\$(.*)\$\$$", page, re.M)) for page in (text, self.persian[name])]
            self.assertEqual(*[{re.sub(r"\\text\{[^}]*\}|\\quad|\\qquad|\s", "", f) for f in fs} for fs in formulas])

    def test_every_word_of_a_table_is_translated(self):
        for name in tables.TABLES:
            heading, rows = tables.TABLES[name]()
            for text in heading:
                self.assertIn(text, tables.PERSIAN, name)

    def test_persian_pages_run_from_right_to_left(self):
        for name, text in self.persian.items():
            self.assertTrue(text.startswith('<div dir="rtl">\n\n#'), name)
            self.assertEqual(text.count("<div"), text.count("</div>"), name)
            # Letters of Arabic keyboards that look like the Persian ones.
            self.assertNotRegex(text, "[\u0643\u064a\u0660-\u0669]", name)

    def test_links_lead_somewhere(self):
        for folder, texts in (("en", self.english), ("fa", self.persian)):
            for name, text in texts.items():
                for target in re.findall(r"\]\(([^)#:]+)\)", text):
                    with self.subTest(folder + "/" + name, target=target):
                        self.assertTrue(os.path.exists(os.path.join(THEORY, folder, target)))

    def test_drawings_are_well_formed(self):
        folder = os.path.join(THEORY, "images")
        used = "".join(self.english.values())
        for name in os.listdir(folder):
            with self.subTest(name):
                self.assertIn("images/" + name, used)
                if name.endswith(".svg"):
                    xml.etree.ElementTree.parse(os.path.join(folder, name))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
