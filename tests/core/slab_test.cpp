#include <lagoon/core/slab.hpp>

#include <lagoon/core/copy.hpp>
#include <lagoon/core/journal.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using lagoon::core::Journal;
using lagoon::core::Reference;
using lagoon::core::Slab;

/// A slab in memory of its own.
class Memory {
 public:
  explicit Memory(std::size_t bytes)
      : bytes_(bytes), memory_(new (std::align_val_t{64}) std::byte[bytes]{}) {
    slab_ = new (memory_.get() + 64) Slab(memory_.get());
  }
  Slab& operator*() { return *slab_; }
  Slab* operator->() { return slab_; }
  [[nodiscard]] static constexpr std::size_t begin() { return 64 + sizeof(Slab); }
  void add_all() { slab_->add(begin(), bytes_ - begin()); }

 private:
  struct Delete {
    void operator()(std::byte* memory) const { operator delete[](memory, std::align_val_t{64}); }
  };
  std::size_t bytes_;
  std::unique_ptr<std::byte[], Delete> memory_;
  Slab* slab_;
};

/// A node that holds this text.
Reference make(Slab& slab, const std::string& text, std::uint32_t tag = 0) {
  const Slab::Made made = slab.make(text.size(), tag);
  if (made.node == nullptr) return {};
  lagoon::core::write_shared(made.node->payload(), text.data(), text.size());
  return made.reference;
}
std::string text_of(const Slab& slab, Reference r) {
  std::string text;
  const bool is_there = slab.read(r, [&](const std::byte* payload, std::size_t bytes, auto) {
    text.resize(bytes);
    lagoon::core::read_shared(text.data(), payload, bytes);
  });
  return is_there ? text : "not there";
}

TEST(Slab, what_is_made_can_be_read_until_its_place_is_used_again) {
  Memory memory(1 << 16);
  memory.add_all();
  const Reference first = make(*memory, "first", 7);
  std::uint32_t tag = 0;
  EXPECT_TRUE(memory->read(first, [&](auto*, auto, std::uint32_t t) { tag = t; }));
  EXPECT_EQ(tag, 7U);
  EXPECT_EQ(text_of(*memory, first), "first");
  memory->settle(true);
  memory->drop(first);
  memory->seal();
  memory->settle(true);
  EXPECT_EQ(text_of(*memory, first), "first") << "it rests";
  Reference next;
  int others = 0;
  do next = make(*memory, "next!");
  while (next.unit() != first.unit() && ++others < 100);
  EXPECT_EQ(next.unit(), first.unit());
  EXPECT_GE(others, 4) << "those that were dropped before come first";
  EXPECT_NE(next, first);
  EXPECT_EQ(text_of(*memory, first), "not there");
  EXPECT_EQ(text_of(*memory, next), "next!");
}

TEST(Slab, what_is_given_up_is_as_it_was) {
  Memory memory(1 << 16);
  memory.add_all();
  const Reference kept = make(*memory, "kept");
  memory->settle(true);
  const auto free = memory->free_bytes();
  for (int round = 0; round < 10; ++round) {
    std::vector<std::uint32_t> units;
    for (std::size_t bytes : {1U, 40U, 40U, 200U, 4000U})
      units.push_back(make(*memory, std::string(bytes, 'x')).unit());
    memory->drop(kept);
    memory->settle(false);
    EXPECT_EQ(memory->free_bytes(), free);
    EXPECT_EQ(text_of(*memory, kept), "kept");
    std::ranges::sort(units);
    EXPECT_EQ(std::ranges::adjacent_find(units), units.end()) << "made twice";
  }
}

TEST(Slab, of_every_size_it_writes_to_nothing_else) {
  Memory memory(1 << 22);
  memory.add_all();
  std::map<std::size_t, Reference> all;
  for (std::size_t bytes = 0; bytes <= Slab::most_bytes; bytes += bytes < 300 ? 1 : 97)
    all[bytes] = make(*memory, std::string(bytes, static_cast<char>('a' + bytes % 26)));
  all[Slab::most_bytes] = make(*memory, std::string(Slab::most_bytes, '!'));
  for (const auto& [bytes, r] : all) {
    const std::string text = text_of(*memory, r);
    ASSERT_EQ(text.size(), bytes);
    EXPECT_EQ(std::ranges::count(text, text.empty() ? ' ' : text[0]),
              static_cast<std::ptrdiff_t>(bytes));
  }
}

TEST(Slab, without_memory_it_makes_nothing_and_goes_on_with_more) {
  Memory memory(1 << 16);
  EXPECT_FALSE(make(*memory, "nothing yet"));
  EXPECT_EQ(memory->end_of_last(), 0U);
  const std::size_t some = 4096;
  memory->add(Memory::begin(), some);
  EXPECT_EQ(memory->end_of_last(), Memory::begin() + some);
  std::vector<Reference> made;
  while (const Reference r = make(*memory, std::string(100, 'x'))) made.push_back(r);
  EXPECT_GE(made.size(), some / Slab::bytes_taken(100) - 5);
  EXPECT_FALSE(make(*memory, std::string(100, 'x')));
  memory->add(Memory::begin() + some, some);
  EXPECT_TRUE(make(*memory, std::string(100, 'x')));
  EXPECT_GE(some, Slab::bytes_for_one(100));
}

TEST(Slab, a_reference_that_leads_nowhere_is_not_followed) {
  Memory memory(1 << 16);
  memory.add_all();
  const Reference r = make(*memory, "text");
  for (const std::uint32_t unit : {0U, 1U, r.unit() + 1, 2047U, 2048U, 1U << 30, ~0U})
    for (const std::uint32_t generation : {1U, 77U, ~0U})
      (void)memory->read({unit, generation},
                         [&](const std::byte* payload, std::size_t bytes, auto) {
                           std::vector<std::byte> seen(bytes);
                           lagoon::core::read_shared(seen.data(), payload, bytes);  // in the memory
                         });
  EXPECT_FALSE(memory->read({0, 1}, [](auto&&...) {}));
  EXPECT_FALSE(memory->read({2048, 1}, [](auto&&...) {}));
  EXPECT_FALSE(memory->read({r.unit(), 2}, [](auto&&...) {}));
}

// Nothing is made twice, nothing that is in use changes, and no memory is lost.
TEST(Slab, random_changes_agree_with_a_model) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  Memory memory(4 << 20);
  memory.add_all();
  const auto all = memory->free_bytes();
  std::map<std::uint64_t, std::string> live;
  for (int change = 0; change < 20'000; ++change) {
    std::map<std::uint64_t, std::string> made;
    std::vector<std::uint64_t> dropped;
    for (auto n = random() % 4; n != 0; --n) {
      const std::string text(random() % 8 == 0 ? random() % 4000 : random() % 100,
                             static_cast<char>('a' + random() % 26));
      const Reference r = make(*memory, text);
      ASSERT_TRUE(r);
      ASSERT_FALSE(live.contains(r.word()));
      ASSERT_TRUE(made.emplace(r.word(), text).second);
    }
    for (auto n = random() % (live.size() > 500 ? 8 : 4); n != 0 && !live.empty(); --n) {
      auto it = live.lower_bound(random() * std::uint64_t{random()});
      if (it == live.end()) it = live.begin();
      if (std::ranges::find(dropped, it->first) != dropped.end()) continue;
      memory->drop(Reference::of_word(it->first));
      dropped.push_back(it->first);
    }
    const bool publishes = random() % 3 != 0;
    if (publishes) {
      memory->seal();
      live.merge(made);
      for (const auto r : dropped) live.erase(r);
    }
    memory->settle(publishes);
    if (change % 100 != 0) continue;
    std::uint64_t used = 0;
    for (const auto& [word, text] : live) {
      ASSERT_EQ(text_of(*memory, Reference::of_word(word)), text);
      used += Slab::bytes_taken(text.size());
    }
    ASSERT_EQ(memory->free_bytes() + used, all);
  }
}

TEST(Slab, free_nodes_side_by_side_become_others_of_any_size) {
  Memory memory(1 << 18);
  memory.add_all();
  const auto all = memory->free_bytes();
  for (const std::size_t bytes : {10U, 4000U, 100U, 3000U, 1U, 500U, 4000U, 40U}) {
    SCOPED_TRACE(bytes);
    std::map<std::uint64_t, std::string> made;
    const auto text = [&](std::size_t i) {
      return std::string(bytes, static_cast<char>('a' + i % 26));
    };
    while (const Reference r = make(*memory, text(made.size())))
      made.emplace(r.word(), text(made.size()));
    memory->settle(true);
    // All but what is kept back of the other sizes, which takes 57 KiB at most.
    EXPECT_GT(made.size() * Slab::bytes_taken(bytes), all - 58'000);
    for (const auto& [word, said] : made)
      ASSERT_EQ(text_of(*memory, Reference::of_word(word)), said);
    for (const auto& [word, said] : made) memory->drop(Reference::of_word(word));
    memory->seal();
    memory->settle(true);
    EXPECT_EQ(memory->free_bytes(), all);
    EXPECT_GT(memory->scattered_bytes(), all - 58'000);
    memory->gather();
    EXPECT_EQ(memory->free_bytes(), all);
    EXPECT_EQ(memory->scattered_bytes(), 0U);
  }
}

TEST(Slab, what_is_left_of_a_piece_is_used_by_smaller_ones) {
  Memory memory(1 << 16);
  memory->add(Memory::begin(), 8192);
  ASSERT_TRUE(make(*memory, std::string(300, 'x')));
  memory->add(Memory::begin() + 8192, 8192);
  const auto all = memory->free_bytes();
  EXPECT_EQ(all, 2 * 8192 - Slab::bytes_taken(300)) << "nothing of the first is lost";
  ASSERT_TRUE(make(*memory, std::string(1000, 'x')));  // of the second
  while (make(*memory, "x"))
    ;
  EXPECT_LE(memory->free_bytes() - memory->scattered_bytes(),
            4 * Slab::bytes_taken(300) + 4 * Slab::bytes_taken(1000) + 4 * Slab::bytes_taken(1));
}

TEST(Slab, all_pieces_are_used_that_are_large_enough) {
  Memory memory(1 << 20);
  memory.add_all();
  std::vector<Reference> all;
  while (const Reference r = make(*memory, std::string(3000, 'x'))) all.push_back(r);
  memory->settle(true);
  std::size_t pieces = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (i % 4 == 0)
      ++pieces;
    else
      memory->drop(all[i]);
  memory->seal();
  memory->settle(true);
  memory->gather();
  // Two pages in each piece of three nodes, and something is left of it.
  std::size_t pages = 0;
  while (make(*memory, std::string(Slab::most_bytes, 'y'))) ++pages;
  EXPECT_GT(pages, 2 * pieces - 12);
  std::size_t small = 0;
  const std::uint64_t left = memory->free_bytes();
  while (make(*memory, "z")) ++small;
  EXPECT_GT(small * Slab::bytes_taken(1), left / 2) << "of what was left";
}

TEST(Slab, what_lies_between_is_kept_while_others_are_gathered) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  Memory memory(1 << 18);
  memory.add_all();
  const auto all = memory->free_bytes();
  std::map<std::uint64_t, std::string> live;
  std::uint64_t used = 0;
  std::size_t most = 1;
  for (int change = 0; change < 30'000; ++change) {
    if (change % 500 == 0) most = 1 + random() % (random() % 2 == 0 ? 60 : 4000);
    const std::string text(random() % most, static_cast<char>('a' + random() % 26));
    Reference r = make(*memory, text);
    if (!r) {
      memory->settle(false);
      memory->gather();
      if (random() % 4 == 0) memory->gather();  // where nothing is to be gathered
      ASSERT_EQ(memory->free_bytes() + used, all);
      r = make(*memory, text);
    }
    std::vector<std::uint64_t> dropped;
    for (auto n = r ? random() % 3 : 20; n != 0 && !live.empty(); --n) {
      auto it = live.lower_bound(random() * std::uint64_t{random()});
      if (it == live.end()) it = live.begin();
      if (std::ranges::find(dropped, it->first) != dropped.end()) continue;
      ASSERT_EQ(text_of(*memory, Reference::of_word(it->first)), it->second);
      memory->drop(Reference::of_word(it->first));
      dropped.push_back(it->first);
    }
    memory->seal();
    memory->settle(true);
    for (const auto word : dropped) {
      used -= Slab::bytes_taken(live[word].size());
      live.erase(word);
    }
    if (!r) continue;
    ASSERT_TRUE(live.emplace(r.word(), text).second) << "made twice";
    used += Slab::bytes_taken(text.size());
  }
  for (const auto& [word, text] : live) ASSERT_EQ(text_of(*memory, Reference::of_word(word)), text);
}

// Readers without the turn: what they find is what was published, whole, while it is replaced at
// full speed.
TEST(Slab, readers_find_what_was_published_whole_or_begin_anew) {
  struct Root {
    boost::ipc_atomic<std::uint64_t> word{0};
    Journal journal;
  };
  Memory memory(1 << 20);
  // The word and the journal lie in the memory too.
  auto* root = new (&(*memory) + 1) Root;
  memory->add(Memory::begin() + 512, (1 << 20) - 1024);
  static_assert(sizeof(Root) <= 512);
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> reads = 0;
  std::vector<std::jthread> readers;
  const auto replace = [&](std::uint64_t i) {
    Journal::Change change(root->journal, *memory);
    const std::string text(i % 7 * 40, static_cast<char>('a' + i % 26));
    const Reference r = make(*memory, text, static_cast<std::uint32_t>(i));
    if (const auto old = Reference::of_word(root->word.load())) memory->drop(old);
    change.publish(root->word, r.word(), i);
  };
  replace(1);
  for (int t = 0; t < 2; ++t)
    readers.emplace_back([&] {
      std::uint32_t last = 0;
      while (!stop) {
        const std::uint64_t size = root->journal.size();
        std::string text;
        std::uint32_t i = 0;
        if (!memory->read(Reference::of_word(root->word.load(boost::memory_order_acquire)),
                          [&](const std::byte* payload, std::size_t bytes, std::uint32_t tag) {
                            text.resize(bytes);
                            lagoon::core::read_shared(text.data(), payload, bytes);
                            i = tag;
                          }))
          continue;
        EXPECT_EQ(text, std::string(i % 7 * 40, static_cast<char>('a' + i % 26))) << "torn";
        EXPECT_GE(i, last) << "back in time";
        EXPECT_GE(i, size) << "it was said to be there";
        EXPECT_GE(root->journal.size(), i) << "it is there";
        last = i;
        ++reads;
      }
    });
  for (std::uint64_t i = 2; i < 200'000 || reads < 1000; ++i) replace(i);
  stop = true;
}

}  // namespace
