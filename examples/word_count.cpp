// Counts the words of texts: a Pool of processes reads a paragraph each, and all add to one Dict.
//   word_count [FILE]…
#include <lagoon/lagoon.hpp>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

using Counts = lagoon::Dict<std::string, int>;
Counts* counts = nullptr;  // what tasks share is made before the pool, and inherited

/// A task: how many words the text has.
int count(const std::string& text) {
  std::map<std::string, int> here;
  std::string word;
  int words = 0;
  for (const char c : text + ' ') {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!word.empty()) {
      ++here[word];
      ++words;
      word.clear();
    }
  }
  for (const auto& [each, n] : here)
    counts->update_value(each, 0, [more = n](int& all) { all += more; });
  return words;
}

std::vector<std::string> paragraphs(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) throw lagoon::NotFound("no such file: " + file.string());
  std::vector<std::string> all(1);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() && !all.back().empty()) all.emplace_back();
    all.back() += line + '\n';
  }
  return all;
}

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> files(argv + 1, argv + argc);
  if (files.empty())
    files.push_back(std::filesystem::path(__FILE__).replace_filename("word_count.txt"));
  std::vector<std::string> texts;
  for (const auto& file : files)
    for (std::string& text : paragraphs(file)) texts.push_back(std::move(text));

  Counts all;
  counts = &all;
  // Of a task that is begun again, since its worker was killed, the Dict would have the words
  // twice: so it is not to be begun again.
  lagoon::Pool pool({.processes = 4, .attempts = 1});
  int words = 0;
  for (const int n : pool.imap_unordered(count, texts)) words += n;
  pool.close();
  pool.join();

  std::vector<std::pair<std::string, int>> often = all.items();
  std::ranges::sort(often, [](const auto& a, const auto& b) {
    return std::pair(-a.second, a.first) < std::pair(-b.second, b.first);
  });
  std::cout << texts.size() << " paragraphs, " << words << " words, " << often.size()
            << " different ones\n";
  for (std::size_t i = 0; i < std::min<std::size_t>(often.size(), 10); ++i)
    std::cout << often[i].second << ' ' << often[i].first << '\n';
}
