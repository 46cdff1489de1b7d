"""All C++ of a page as one program, which runs the function, or the program, that it is told."""

import re

MARK = "\x1e"  # comes behind what a piece has printed


def source_of(page):
    includes, outside, functions = [], [], []

    def code_of(piece):
        text = piece.text
        includes.extend(re.findall("(?m)^#include.*", text))
        text = re.sub("(?m)^#include.*", "", text)
        for name in page.segments:
            own = name if piece.track in ("cpp", "global") else f"{piece.track}-{name}"
            text = text.replace(f'"{name}"', f'page::segment("{own}")')
        left = re.findall(r'(?:Segment::\w+|Manager \w+|open_or_create, |create_only, )[({]?"([^"]+)"', text)
        if left:
            raise SystemExit(f"{page.path}:{piece.line}: <!-- segments: {' '.join(left)} -->, or these stay")
        return f'\n#line {piece.line} "{page.path}"\n{text}\n'

    for name, piece in page.programs().items():
        body = code_of(piece).replace("int main(", f"int {name}(").rstrip()
        outside.append(body[:-1] + "  return 0;\n}\n")
    outside += [code_of(p) for p in page.pieces if p.track == "global" and not p.is_program()]
    for name, pieces in page.functions().items():
        functions.append(f"static void {name}() {{")
        within = 1
        for piece in pieces:
            if piece.not_run is not None:
                functions.append(f"if (page::never) {{{code_of(piece)}}}")
            elif piece.throws:
                functions.append(f"page::thrown<{piece.throws}>([&] {{{code_of(piece)}}}); page::done();")
            else:
                functions.append(f"{{{code_of(piece)}page::done();")
                within += 1
        functions.append("}" * within)
    calls = [f'if (name == "{name}") return {name}(), 0;' for name in page.functions()]
    calls += [f'if (name == "{name}") return {name}();' for name in page.programs()]
    main = MAIN.replace("CALLS", "\n  ".join(calls))
    return "\n".join([*dict.fromkeys(includes), SUPPORT, *outside, *functions, main])


SUPPORT = r"""
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>

namespace page {
/// What is compiled only.
static volatile bool never = false;
/// A piece has ended.
[[maybe_unused]] static void done() { std::cout << "\x1e\n" << std::flush; }
/// A name in /dev/shm of this test's own.
[[maybe_unused]] static const char* segment(const std::string& name) {
  return strdup((std::getenv("LAGOON_PAGE") + name).c_str());
}
template <class Wanted, class F>
[[maybe_unused]] static void thrown(F f) {
  try {
    f();
    std::cout << "nothing was thrown\n";
  } catch (const Wanted& e) {
    std::cout << e.what() << '\n';
  }
}
}  // namespace page
"""
MAIN = """
int main(int, char** argv) {
  const std::string_view name = argv[1];
  CALLS
  return 2;
}
"""
