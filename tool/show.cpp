#include <lagoon/error.hpp>
#include <lagoon/inspection.hpp>
#include <lagoon/segment.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "attached.hpp"
#include "command_line.hpp"
#include "commands.hpp"
#include "json.hpp"
#include "seen.hpp"
#include "text.hpp"

namespace tool {

namespace {

using lagoon::Inspection;
using lagoon::Object;

struct Options {
  std::size_t most = 100;  // of what there are many
  bool as_json = false;
};

/// Such as "held by python3 1234".
std::string holder_of(const Inspection& object) {
  const auto holder = object.holder();
  if (!holder) return "";
  const std::string who = std::to_string(holder->thread);
  if (holder->is_dead)
    return "was held by " + (holder->thread == 0 ? "one" : who) +
           " who is dead: the next one takes over";
  return "held by " + printable(command_of(static_cast<pid_t>(holder->thread))) + " " + who;
}

std::string state_of(const Inspection& object) {
  std::string state = holder_of(object);
  if (object.has_waiters()) state += state.empty() ? "others wait" : "; others wait";
  return state;
}

/// Of what is shared, its type.
std::string repr(const Object& x) {
  return printable(x.kind() == Object::Kind::shared ? type_of_shared(x) : x.repr());
}

class Lines {
 public:
  explicit Lines(std::size_t most) : most_(most) {}
  void add(const std::string& line) { text_ += line + '\n'; }
  void add_rest(std::size_t all, std::size_t shown) {
    if (all > shown) add("… and " + std::to_string(all - shown) + " more (--all)");
  }
  [[nodiscard]] std::size_t most() const noexcept { return most_; }
  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  std::size_t most_;
  std::string text_;
};

void add_elements(Lines& lines, const std::vector<Object>& elements, std::ptrdiff_t first,
                  std::ptrdiff_t step) {
  std::ptrdiff_t at = first;
  for (const Object& x : elements) {
    lines.add("[" + std::to_string(at) + "] " + repr(x));
    at += step;
  }
}

void add_contents(Lines& lines, const Inspection& object, std::size_t size) {
  const std::size_t shown = std::min(size, lines.most());
  if (object.type().starts_with("Array<char,")) {
    std::string text;
    for (const Object& c : object.elements(0, static_cast<std::ptrdiff_t>(shown)))
      text += c.kind() == Object::Kind::str ? c.str() : std::string(1, c.get<char>());
    lines.add(Object::bytes(text).repr());
    lines.add_rest(size, shown);
  } else if (object.has_elements()) {
    add_elements(lines, object.elements(0, static_cast<std::ptrdiff_t>(shown)), 0, 1);
    lines.add_rest(size, shown);
  } else if (object.has_items()) {
    const auto items = object.items(lines.most());
    for (const auto& [key, value] : items) lines.add(repr(key) + ": " + repr(value));
    lines.add_rest(size, items.size());
  } else {
    lines.add(printable(object.text()));
  }
}

std::string text_of(const Inspection& object, const Options& options) {
  Lines lines(options.most);
  const std::size_t size = object.size();
  lines.add(printable(object.type()) + (object.has_items() ? ", " + counted(size, "item")
                                        : object.has_elements() && size != 1
                                            ? ", " + counted(size, "element")
                                            : ""));
  try {
    add_contents(lines, object, size);
  } catch (const lagoon::TypeMismatch& error) {
    lines.add(printable(error.what()));
  }
  if (const std::string state = state_of(object); !state.empty()) lines.add("(" + state + ")");
  return std::move(lines).text();
}

std::string text_of(const Object& x, const Options&) { return repr(x) + "\n"; }

std::string text_of(const Elements& some, const Options& options) {
  Lines lines(options.most);
  const std::size_t shown = std::min(some.elements.size(), lines.most());
  add_elements(lines, {some.elements.begin(), some.elements.begin() + std::ptrdiff_t(shown)},
               some.first, some.step);
  lines.add_rest(some.elements.size(), shown);
  return std::move(lines).text();
}

/// In one line, whatever it is.
std::string summary_of(const Inspection& object) try {
  const std::string text = printable(object.text());
  const std::string state = state_of(object);
  return shortened(text, 60) + (state.empty() ? "" : " " + state);
} catch (const std::exception& error) {
  return printable(error.what());
}

std::vector<lagoon::Segment::Entry> objects_in(const lagoon::Segment& segment) {
  auto entries = segment.objects();
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

std::string text_of(const lagoon::Segment& segment) {
  Table table({{"OBJECT"}, {"TYPE"}, {"SIZE", Table::Align::right}, {"VALUE"}});
  for (const auto& entry : objects_in(segment))
    if (const auto object = Inspection::of(segment, entry.name))
      table.add({printable(entry.name), printable(entry.type), in_units(entry.bytes),
                 summary_of(*object)});
  return table.text();
}

Json json_of_all(const lagoon::Segment& segment, const Options& options) {
  auto list = Json::array();
  for (const auto& entry : objects_in(segment)) try {
      const auto object = Inspection::of(segment, entry.name);
      if (!object) continue;
      Json one = json_of(*object, options.most);
      one["name"] = entry.name;
      one["bytes"] = entry.bytes;
      list.push_back(std::move(one));
    } catch (const lagoon::Gone&) {  // erased meanwhile
    }
  return list;
}

std::string shown(const lagoon::Segment& segment, const Path& path, const Options& options) {
  if (path.object.empty())
    return options.as_json ? dumped(json_of_all(segment, options)) : text_of(segment);
  const Seen seen = seen_at(segment, path);
  if (!options.as_json) return std::visit([&](const auto& x) { return text_of(x, options); }, seen);
  if (const auto* const object = std::get_if<Inspection>(&seen))
    return dumped(json_of(*object, options.most));
  if (const auto* const x = std::get_if<Object>(&seen)) return dumped(json_of(*x));
  return dumped(json_of(Object::list_of(std::get<Elements>(seen).elements)));
}

}  // namespace

int show(int argc, char** argv) {
  std::string text;
  lagoon::SegmentOptions segment_options;
  Options options;
  bool all = false;
  double seconds = 1;
  CLI::App app{
      "What is in a segment, an object of it, or an element: of whatever type, without waiting for "
      "anybody and without holding anybody up. What is behind a lock is read without it.\n"
      "  lagoon show market                 all objects\n"
      "  lagoon show market/prices          one of them\n"
      "  lagoon show 'market/ticks[10:20]'  a slice of it, as in Python\n"
      "  lagoon show 'market/books[gold][0]'"};
  app.name("lagoon show");
  app.add_option("NAME[/OBJECT[KEY]...]", text, "what to show")->required();
  app.add_option("--directory", segment_options.directory, "where segments lie")
      ->capture_default_str();
  app.add_option("--most", options.most, "so many elements or items, of what has more")
      ->capture_default_str()
      ->check(not_negative());
  app.add_flag("--all", all, "all of them");
  app.add_flag("--json", options.as_json, "for programs");
  const auto* const watch = app.add_option("--watch", seconds, "again, each so many seconds")
                                ->expected(0, 1)
                                ->check(seconds_validator());
  if (const auto code = answered(app, argc, argv)) return *code;
  if (all) options.most = ~std::size_t{0};
  try {
    const Path path = path_of(text);
    segment_options.any_owner = true;
    // Each time anew: it may have been removed, and another made.
    repeat(std::chrono::duration<double>(seconds), watch->count() == 0 ? 1 : 0, [&] {
      return shown(lagoon::Segment::open_read_only(path.segment, segment_options), path, options);
    });
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lagoon show: %s\n", printable(error.what()).c_str());
    return 1;
  }
}

}  // namespace tool
