/// How the report looks: its style sheet, and the colours that say who wins, and by how much.

#include "page_style.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

namespace contention {

const char* const page_style = R"css(
:root { color-scheme: light dark; --page: #fdfcf9; --text: #1c2328; --quiet: #5c676e;
  --grid: #e6e3db; --axis: #98a1a6; --accent: #00798c; --ours: #00606f; --warning: #fff0d9; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 40px 28px 80px; background: var(--page);
  color: var(--text); font: 16px/1.55 system-ui, "Segoe UI", "Helvetica Neue", "Liberation Sans",
  Arial, sans-serif; }
h1 { font-size: 34px; line-height: 1.2; margin: 0 0 10px; letter-spacing: -0.01em; }
h2 { font-size: 24px; margin: 60px 0 6px; letter-spacing: -0.01em; }
h3 { font-size: 19px; margin: 44px 0 6px; } h4 { font-size: 16px; margin: 22px 0 6px; }
p { max-width: 76ch; margin: 8px 0; }
ul { max-width: 76ch; padding-left: 20px; } li { margin: 6px 0; }
.answer { font-size: 19px; line-height: 1.45; max-width: 74ch; margin: 16px 0;
  border-left: 5px solid var(--accent); padding-left: 16px; }
.answer p { margin: 0; color: var(--quiet); font-size: 15px; } .answer ul { margin: 2px 0; }
.quiet { color: var(--quiet); font-size: 14px; max-width: none; }
.warning { background: var(--warning); border-left: 5px solid #d9822b; padding: 8px 16px; }
.scroll { overflow-x: auto; }
table { border-collapse: separate; border-spacing: 3px; }
th { font-weight: 600; text-align: left; font-size: 14px; }
thead th { color: var(--quiet); text-align: center; font-weight: 500; }
thead th:first-child { text-align: left; }
.cell { background: var(--l); color: var(--lt); }
.winners { width: 100%; table-layout: fixed; }
.winners th:first-child { width: 132px; }
.winners td { border-radius: 6px; padding: 9px 8px; font-size: 13px; line-height: 1.3;
  vertical-align: top; height: 92px; }
.winners b { display: block; font-size: 14px; }
.winners .ratio { display: block; font-size: 19px; margin: 1px 0; }
.winners small { font-size: 12px; }
.matrix td { border-radius: 4px; min-width: 74px; padding: 3px 9px; text-align: right;
  font-size: 14px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.matrix th { font-weight: 500; white-space: nowrap; padding-right: 12px; }
.matrix th:first-child { position: sticky; left: 0; background: var(--page); }
.matrix .ours { font-weight: 700; color: var(--ours); }
.ours { color: var(--ours); } a { color: var(--ours); }
nav ul { padding: 0; } nav li { display: inline-block; margin: 0 18px 0 0; }
.keys { white-space: nowrap; }
.key { display: inline-block; width: 13px; height: 13px; border-radius: 3px; margin: 0 5px 0 12px;
  vertical-align: -1px; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 22px 34px;
  margin: 20px 0 22px; }
svg { width: 100%; height: auto; display: block; font-family: inherit; }
details { margin: 14px 0; } summary { cursor: pointer; color: var(--ours); font-weight: 600; }
.figures { border-spacing: 0; font-size: 13px; font-variant-numeric: tabular-nums; }
.figures th, .figures td { padding: 2px 10px 2px 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--grid); font-size: 13px; }
.figures th:first-child, .figures td:first-child { text-align: left; position: sticky; left: 0;
  background: var(--page); }
.figures .group td { padding-top: 14px; font-weight: 700; text-align: left; }
.facts { border-spacing: 0; } .facts td { padding: 2px 22px 2px 0; vertical-align: top;
  overflow-wrap: anywhere; }
.facts td:first-child { color: var(--quiet); min-width: 20ch; max-width: 34ch; }
@media (max-width: 820px) { /* a line for each number of children, instead of a column */
  .winners, .winners tbody, .winners tr, .winners th, .winners td { display: block; width: auto; }
  .winners thead { display: none; }
  .winners tbody th:first-child { width: auto; font-size: 16px; margin: 16px 0 6px; }
  .winners td { height: auto; margin: 3px 0; padding: 5px 9px 5px 13ch; position: relative; }
  .winners td::before { content: attr(data-children); position: absolute; left: 9px; }
  .winners td b, .winners td .ratio { display: inline; font-size: 14px; margin: 0 5px 0 0; }
}
@media (max-width: 620px) { .plots { grid-template-columns: 1fr; } body { padding: 20px 14px; }
  h1 { font-size: 28px; } .answer { font-size: 18px; }
  .plot-title { font-size: 20px; transform: translateY(4px); }
  .tick { font-size: 14.5px; } .label { font-size: 14.6px; } }
@media (prefers-color-scheme: dark) {
  :root { --page: #14181b; --text: #e4e7e8; --quiet: #9aa6ac; --grid: #2c3338; --axis: #5f6b72;
    --accent: #2ba3b5; --ours: #58c1d0; --warning: #3f2d12; }
  .cell { background: var(--d); color: var(--dt); }
}
@media print { details { display: block; } }
)css";

namespace {

struct Colour {
  int red, green, blue;

  /// Part of the way to another one; `share` from 0 to 1.
  [[nodiscard]] Colour towards(Colour other, double share) const {
    share = std::clamp(share, 0.0, 1.0);
    const auto mix = [&](int a, int b) { return static_cast<int>(a + (b - a) * share); };
    return {mix(red, other.red), mix(green, other.green), mix(blue, other.blue)};
  }
  /// As eyes see it, from 0 to 1.
  [[nodiscard]] double luminance() const {
    const auto linear = [](int x) { return std::pow(x / 255.0, 2.2); };
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  }
  [[nodiscard]] std::string text() const {
    char text[8];
    std::snprintf(text, sizeof text, "#%02x%02x%02x", static_cast<unsigned>(red) & 255U,
                  static_cast<unsigned>(green) & 255U, static_cast<unsigned>(blue) & 255U);
    return text;
  }
};

constexpr Colour light_page{250, 250, 250}, dark_page{32, 38, 43};
constexpr Colour light_ink{255, 255, 255}, dark_ink{28, 35, 40};
constexpr Colour level_light{228, 228, 224}, level_dark{58, 64, 68};
constexpr Colour unfit_light{241, 239, 233}, unfit_dark{40, 42, 43};

}  // namespace

/// A background, and writing that is legible on it.
static std::string paint(Colour light, Colour dark) {
  // At this luminance white and black have the same contrast.
  const auto ink = [](Colour on) { return (on.luminance() < 0.2 ? light_ink : dark_ink).text(); };
  return "\"--l:" + light.text() + ";--lt:" + ink(light) + ";--d:" + dark.text() +
         ";--dt:" + ink(dark) + "\"";
}

std::string tint(Family family, double strength) {
  const Colour target = family == Family::lagoon ? Colour{0, 121, 140} : Colour{176, 95, 40};
  const Colour bright = family == Family::lagoon ? Colour{38, 160, 180} : Colour{205, 116, 58};
  return paint(light_page.towards(target, strength), dark_page.towards(bright, strength));
}

std::string level_paint() { return paint(level_light, level_dark); }
std::string unfit_paint() { return paint(unfit_light, unfit_dark); }

// This library's are the strong ones.
std::string ink_of(const std::string& strategy) {
  static const std::map<std::string, Colour> known{
      {"Value atomic", {0, 121, 140}},
      {"Array seqlocked", {0, 121, 140}},
      {"Value seqlocked", {0, 121, 140}},
      {"Value locked", {61, 79, 181}},
      {"Array locked", {61, 79, 181}},
      {"Lock", {24, 128, 71}},
      {"RLock", {98, 60, 170}},
      {"ReaderWriterLock", {0, 98, 190}},
      {"Boost.Atomic", {74, 74, 74}},
      {"TTAS", {214, 130, 20}},
      {"ticket", {150, 140, 40}},
      {"MCS", {64, 140, 120}},
      {"futex mutex", {200, 80, 140}},
      {"seqlock", {95, 113, 131}},
      {"pthread adaptive", {228, 110, 120}},
      {"pthread robust", {130, 40, 90}},
      {"pthread inheriting", {170, 90, 90}},
      {"pthread mutex", {209, 73, 91}},
      {"pthread robust recursive", {162, 56, 124}},
      {"pthread spin", {158, 114, 0}},
      {"pthread rwlock", {91, 123, 26}},
      {"POSIX semaphore", {123, 90, 70}},
      {"Boost.Interprocess", {196, 98, 30}},
      {"CPython Value", {122, 107, 184}},
      {"CPython Array", {122, 107, 184}},
      {"no lock", {130, 130, 130}},
      {"Dict", {0, 121, 140}},
      {"List", {0, 121, 140}},
      {"Queue", {0, 121, 140}},
      {"JoinableQueue", {61, 79, 181}},
      {"Boost.Interprocess map", {196, 98, 30}},
      {"Boost.Interprocess vector", {196, 98, 30}},
      {"Boost.Interprocess queue", {196, 98, 30}},
      {"Boost.Unordered map", {209, 73, 91}},
      {"Boost.Lockfree queue", {158, 114, 0}},
      {"Boost.Lockfree spsc", {130, 40, 90}},
      {"LMDB", {91, 123, 26}},
      {"Redis", {170, 90, 90}},
      {"CPython manager", {122, 107, 184}},
      {"CPython Queue", {122, 107, 184}},
      {"CPython manager Queue", {98, 60, 170}},
  };
  const auto found = known.find(strategy);
  const Colour colour = found == known.end() ? Colour{110, 110, 110} : found->second;
  return "--l:" + colour.text() + ";--d:" + colour.towards({255, 255, 255}, 0.42).text();
}

}  // namespace contention
