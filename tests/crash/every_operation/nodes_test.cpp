/// Killed at every instruction: changes of a table of nodes that are published by one store. How,
/// and how to add one: support/either_or.hpp.

#include <lagoon/core/copy.hpp>
#include <lagoon/core/journal.hpp>
#include <lagoon/core/owned_word.hpp>
#include <lagoon/core/slab.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "helpers.hpp"

using lagoon::core::Journal;
using lagoon::core::Reference;
using lagoon::core::Slab;

/// Texts under numbers; and as many as are changed at once, in a node of references.
struct Texts {
  static constexpr std::size_t places = 8;

  explicit Texts(lagoon::core::Participants& table)
      : participants(table), slab(reinterpret_cast<const std::byte*>(this)) {
    slab.add(offset_of_memory, sizeof memory);
  }
  static const std::size_t offset_of_memory;

  class Turn {
   public:
    explicit Turn(Texts& texts) : texts_(texts) {
      const auto taken = texts.turn.take(*texts.participants, texts.participants->self(),
                                         lagoon::core::Deadline::never());
      if (taken == lagoon::core::Taken::from_dead) texts.journal.recover(texts.slab);
    }
    ~Turn() { texts_.turn.give_back(texts_.participants->self()); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Texts& texts_;
  };

  Reference make(const std::string& text) {
    const Slab::Made made = slab.make(text.size());
    EXPECT_NE(made.node, nullptr);
    lagoon::core::write_shared(made.node->payload(), text.data(), text.size());
    return made.reference;
  }
  void set(std::size_t i, const std::string& text) {
    const Turn mine(*this);
    Journal::Change change(journal, slab);
    const Reference made = make(text);
    const auto old = Reference::of_word(place[i].load());
    if (old) slab.drop(old);
    change.publish(place[i], made.word(), journal.size() + (old ? 0 : 1));
  }
  void erase(std::size_t i) {
    const Turn mine(*this);
    const auto old = Reference::of_word(place[i].load());
    if (!old) return;
    Journal::Change change(journal, slab);
    slab.drop(old);
    change.publish(place[i], 0, journal.size() - 1);
  }
  /// All that is under `root` is replaced by these.
  void replace_all(const std::vector<std::string>& texts) {
    const Turn mine(*this);
    Journal::Change change(journal, slab);
    std::vector<std::uint64_t> made;
    for (const auto& text : texts) made.push_back(make(text).word());
    const Slab::Made node = slab.make(made.size() * 8);
    ASSERT_NE(node.node, nullptr);
    lagoon::core::write_shared(node.node->payload(), made.data(), made.size() * 8);
    if (const auto old = Reference::of_word(root.load())) {
      for (const auto word : references_of(old)) slab.drop(Reference::of_word(word));
      slab.drop(old);
    }
    change.publish(root, node.reference.word(), journal.size());
  }
  /// Every second one of those stays.
  void thin_out() {
    const Turn mine(*this);
    Journal::Change change(journal, slab);
    const auto old = Reference::of_word(root.load());
    const auto words = references_of(old);
    std::vector<std::uint64_t> kept;
    for (std::size_t i = 0; i < words.size(); ++i)
      if (i % 2 == 0)
        kept.push_back(words[i]);
      else
        slab.drop(Reference::of_word(words[i]));
    const Slab::Made node = slab.make(kept.size() * 8);
    ASSERT_NE(node.node, nullptr);
    lagoon::core::write_shared(node.node->payload(), kept.data(), kept.size() * 8);
    slab.drop(old);
    change.publish(root, node.reference.word(), journal.size());
  }
  void gather() {
    const Turn mine(*this);
    slab.gather();
  }
  void give_up() {
    const Turn mine(*this);
    Journal::Change change(journal, slab);
    (void)make("this");
    (void)make(std::string(500, '?'));
    for (const auto& p : place)
      if (const auto r = Reference::of_word(p.load())) slab.drop(r);
  }

  [[nodiscard]] std::string text_of(Reference r) const {
    std::string text;
    const bool is_there = slab.read(r, [&](const std::byte* payload, std::size_t bytes, auto) {
      text.resize(bytes);
      lagoon::core::read_shared(text.data(), payload, bytes);
    });
    return is_there ? text : "torn";
  }
  [[nodiscard]] std::vector<std::uint64_t> references_of(Reference r) const {
    std::vector<std::uint64_t> words;
    EXPECT_TRUE(slab.read(r, [&](const std::byte* payload, std::size_t bytes, auto) {
      words.resize(bytes / 8);
      lagoon::core::read_shared(words.data(), payload, bytes);
    }));
    return words;
  }
  /// As a reader sees it.
  [[nodiscard]] std::string read() const {
    std::string seen = std::to_string(journal.size()) + ":";
    for (const auto& p : place)
      if (const auto r = Reference::of_word(p.load())) seen += ' ' + text_of(r);
    if (const auto r = Reference::of_word(root.load()))
      for (const auto word : references_of(r)) seen += " / " + text_of(Reference::of_word(word));
    return seen;
  }
  /// Nothing is lost: what is not in use is free.
  void expect_all_is_there() {
    const Turn mine(*this);
    std::size_t used = 0;
    const auto add = [&](Reference r) {
      if (r) used += Slab::bytes_taken(slab.node(r).bytes.load());
    };
    for (const auto& p : place) add(Reference::of_word(p.load()));
    const auto r = Reference::of_word(root.load());
    add(r);
    if (r)
      for (const auto word : references_of(r)) add(Reference::of_word(word));
    EXPECT_EQ(slab.free_bytes() + used, sizeof memory) << "leaked";
  }

  lagoon::core::ParticipantsRef participants;
  lagoon::core::OwnedWord turn;
  Journal journal;
  boost::ipc_atomic<std::uint64_t> place[places] = {};
  boost::ipc_atomic<std::uint64_t> root{0};
  Slab slab;
  alignas(64) std::byte memory[32768];
};
const std::size_t Texts::offset_of_memory = offsetof(Texts, memory);
template <>
inline constexpr std::string_view lagoon::type_name<Texts> = "Texts";

namespace {

using lagoon::Place;
using lagoon::test::OfObject;
using lagoon::test::Seen;
using T = lagoon::Shared<Texts>;

TEST(EveryOperation, of_nodes) {
  const OfObject<T> of{.type = "Nodes",
                       .states = {{"empty", [](const Place& p) { return T(p); }},
                                  {"some",
                                   [](const Place& p) {
                                     T t(p);
                                     for (std::size_t i = 0; i < 4; ++i)
                                       t->set(i, std::string(20 * i, 'a'));
                                     t->replace_all({"one", "two", std::string(300, 'x')});
                                     return t;
                                   }},
                                  {"used for long",
                                   [](const Place& p) {
                                     T t(p);
                                     for (std::size_t i = 0; i < 200; ++i) {
                                       t->set(i % 5, std::string(i % 60, 'b'));
                                       t->replace_all({"three", std::string(i % 50, 'y')});
                                       if (i % 3 == 0) t->erase(i % 4);
                                     }
                                     return t;
                                   }},
                                  {"gathered in pieces",
                                   [](const Place& p) {
                                     T t(p);
                                     t->set(3, "text");
                                     t->replace_all(std::vector(40, std::string(180, 'd')));
                                     t->thin_out();
                                     t->gather();
                                     for (std::size_t i = 0; i < 4; ++i)
                                       t->set(i, std::string(i * 60, 'e'));
                                     return t;
                                   }}},
                       .look =
                           [](T& t) {
                             Seen seen{t->read()};
                             t->expect_all_is_there();
                             EXPECT_EQ(t->read(), seen[0]) << "torn";
                             // And it goes on.
                             for (std::size_t i = 0; i < 30; ++i) {
                               t->set(i % 6, std::string(i * 7 % 100, 'c'));
                               if (i % 4 == 0) t->erase(i % 5);
                               t->replace_all({std::string(i * 5 % 70, 'z')});
                             }
                             t->expect_all_is_there();
                             return seen;
                           },
                       .read = [](T& t) { return Seen{t->read()}; }};
  of.kill({"set", [](T& t, int x) { t->set(1, std::string(30, static_cast<char>('0' + x))); }});
  of.kill({"set of another size",
           [](T& t, int x) { t->set(2, std::string(100, static_cast<char>('0' + x))); }});
  of.kill(
      {"set of a new one", [](T& t, int x) { t->set(5 + static_cast<std::size_t>(x), "new"); }});
  of.kill({"erase", [](T& t, int) { t->erase(3); }});
  of.kill({"replace_all", [](T& t, int x) {
             t->replace_all({"A", std::string(70, static_cast<char>('0' + x)), "C"});
           }});
  for (const std::size_t bytes : {50U, 250U, 700U})
    of.kill({"set of " + std::to_string(bytes) + " B",
             [bytes](T& t, int x) { t->set(2, std::string(bytes, static_cast<char>('0' + x))); }});
  of.kill({"gather", [](T& t, int) { t->gather(); }});
  of.kill({"gather and set", [](T& t, int x) {
             if (x == 1)
               t->gather();
             else
               t->set(1, std::string(400, 'f'));
           }});
  of.kill({"give up", [](T& t, int) { t->give_up(); }});
}

}  // namespace
