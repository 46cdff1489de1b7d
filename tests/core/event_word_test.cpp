#include <lagoon/core/event_word.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>

#include "child.hpp"
#include "rendezvous.hpp"

namespace {

using lagoon::core::Deadline;
using lagoon::core::EventWord;
using lagoon::test::Child;
using lagoon::test::Shared;
using lagoon::test::wait_until;
using namespace std::chrono_literals;

class EventWordTest : public testing::Test {
 protected:
  [[nodiscard]] bool has_waiters() const {
    return (reinterpret_cast<const std::atomic<std::uint64_t>&>(*event) & 1) != 0;
  }
  const Shared<EventWord> event;
};

TEST_F(EventWordTest, is_set_cleared_and_waited_for) {
  EXPECT_EQ(event->wait(Deadline::now()), EventWord::Waited::no);
  EXPECT_TRUE(event->set());
  EXPECT_EQ(event->wait(Deadline::never()), EventWord::Waited::yes);
  EXPECT_TRUE(event->clear());
  EXPECT_EQ(event->wait(Deadline::after(1ms)), EventWord::Waited::no);
}

// The woken may be slow: that it was cleared in between takes nothing from them.
TEST_F(EventWordTest, set_and_cleared_at_once_lets_go_who_waited_before) {
  for (int round = 0; round < 10; ++round) {
    Child child([&] { EXPECT_EQ(event->wait(Deadline::never()), EventWord::Waited::yes); });
    wait_until([&] { return has_waiters(); }, "the child slept");
    child.stop();
    EXPECT_TRUE(event->set());
    EXPECT_TRUE(event->clear());
    child.resume();
    EXPECT_EQ(child.exitcode(), 0);
  }
  EXPECT_EQ(event->wait(Deadline::after(1ms)), EventWord::Waited::no) << "who comes later waits";
}

TEST_F(EventWordTest, ended_it_lets_all_go_and_is_set_no_more) {
  Child child([&] { EXPECT_EQ(event->wait(Deadline::never()), EventWord::Waited::is_gone); });
  wait_until([&] { return has_waiters(); }, "the child slept");
  lagoon::core::end_word(reinterpret_cast<boost::ipc_atomic<std::uint64_t>&>(*event));
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_TRUE(event->is_gone());
  EXPECT_FALSE(event->set());
  EXPECT_FALSE(event->clear());
  EXPECT_EQ(event->wait(Deadline::now()), EventWord::Waited::is_gone);
}

}  // namespace
