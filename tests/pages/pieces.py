"""A page of documentation, taken apart: its code, and what that is to print."""

import re
from pathlib import Path

SHELL = ("sh", "console")
# What a comment before a block says of it, and what others say (page).
OF_NEXT = ("global", "file", "as in", "any order", "lines", "not run")
IN_BACKTICKS = r"`+ ?(.+?) ?`+"


class Piece:
    """Some code. Pieces of one track in one section belong together."""

    def __init__(self, track, text, line, section, marks=None):
        marks = marks or {}
        self.track, self.text, self.line, self.section = track, text, line, section
        self.not_run, self.file = marks.get("not run"), marks.get("file")
        self.is_shown = True
        self.printed = None  # what it is to print
        self.any_order = False
        self.throws = None  # the type of what it is to throw

    def is_program(self):
        return self.track in ("cpp", "global") and "int main(" in self.text and not self.file


class Page:
    def __init__(self, path):
        self.path = Path(path)
        self.pieces, self.messages, self.segments, self.copies = [], [], [], []
        self.lines, self.at = self.path.read_text().split("\n"), 0
        self.section, self.heading = 1, ""
        self.marks, self.before = {}, None  # what is said of the next block; the block just before
        while self.at < len(self.lines):
            line = self.next_line()
            if line.startswith("#"):
                self.start_section(line)
            elif line.startswith("<!--"):
                self.take_comment(line)
            elif line.startswith("```"):
                self.take_block(line[3:].strip())
            elif line.startswith("|") and "lines" in self.marks:
                self.take_table()
            elif line.strip():
                self.take_prose(line)

    def next_line(self):
        self.at += 1
        return self.lines[self.at - 1]

    def wrong(self, text):
        raise SystemExit(f"{self.path}:{self.at}: {text}")

    def add(self, track, text, line, marks=None):
        self.pieces.append(Piece(track, text, line, self.section, marks))
        return self.pieces[-1]

    def start_section(self, line):
        self.section, self.heading, self.before = self.at, line, None
        if "<!-- messages -->" in self.lines and (said := re.findall(IN_BACKTICKS, line)):
            self.messages.append((self.at, said[0]))

    def take_comment(self, line):
        first = self.at
        while "-->" not in line:
            line += "\n" + self.next_line()
        kind, _, text = line[4 : line.index("-->")].strip().partition(":")
        text = text.strip(" ")
        if kind.startswith("given "):
            self.add(kind.removeprefix("given "), text, first).is_shown = False
        elif kind == "throws":
            piece = self.add("cpp", text, first)
            piece.is_shown, piece.throws = False, "std::exception"
            piece.printed = re.findall(IN_BACKTICKS, self.heading)[0]
        elif kind == "segments":
            self.segments += text.split()
        elif kind in OF_NEXT:
            self.marks[kind] = text
        elif kind != "messages":
            self.wrong(f"no such mark: {kind}")

    def take_block(self, language):
        first, text, marks = self.at + 1, "", self.marks
        while (line := self.next_line()) != "```":
            text += line + "\n"
        self.marks = {}
        if language in ("", "text"):
            if self.before:
                self.before.printed, self.before.any_order = text, "any order" in marks
            self.before = None
            return
        self.before = self.add("global" if "global" in marks else language, text, first, marks)
        if "as in" in marks:
            self.copies.append((marks["as in"], self.before))
        if language not in ("cpp", "python", *SHELL) and not marks.keys() & {"file", "not run"}:
            self.wrong(f"what is to be done with {language}?")

    def take_table(self):
        tracks = [track.strip() for track in self.marks.pop("lines").split(",")]
        self.next_line()
        while self.at < len(self.lines) and self.lines[self.at].startswith("|"):
            cells = re.split(r"(?<!\\)\|", self.next_line())[1:]
            for track, cell in zip(tracks, cells):
                code = [c.replace("\\|", "|") for c in re.findall(r"`([^`]+)`", cell)]
                end = "\n" if track == "python" else ";\n"
                if track and code:
                    self.add(track, "".join(c + end for c in code), self.at)
        self.before = None

    def take_prose(self, line):
        self.before = None
        last = self.pieces[-1] if self.pieces else None
        if (of_type := re.match(r"\*(\w+)[.,]", line)) and last and last.section == self.section and last.throws:
            last.throws = f"lagoon::{of_type[1]}"
        if re.match(r"    (\$ )?(script|build|cmake|ctest|lagoon|python3)\b", line):
            self.wrong("a command: make it a ```sh block")

    def functions(self):
        """What C++ is to become functions: by name, the pieces of each."""
        found = {}
        for p in self.pieces:
            if p.track not in ("global", "python", "cmake", *SHELL) and not p.file and not p.is_program():
                found.setdefault(f"at_{p.section}_{p.track}", []).append(p)
        return found

    def programs(self):
        return {f"main_{p.line}": p for p in self.pieces if p.is_program()}
