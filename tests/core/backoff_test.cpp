#include <lagoon/core/backoff.hpp>

#include <gtest/gtest.h>

namespace {

using lagoon::core::Backoff;

int waits_until_it_is_time_to_sleep(Backoff& backoff) {
  int waits = 0;
  while (waits < 1000 && backoff.wait()) ++waits;
  return waits;
}

TEST(Backoff, says_when_it_is_time_to_sleep) {
  Backoff backoff;
  const int waits = waits_until_it_is_time_to_sleep(backoff);
  EXPECT_GT(waits, 0);
  EXPECT_LT(waits, 1000);
  EXPECT_FALSE(backoff.wait());
  EXPECT_FALSE(backoff.wait());
}

TEST(Backoff, begins_anew_after_reset) {
  Backoff backoff;
  const int waits = waits_until_it_is_time_to_sleep(backoff);
  backoff.reset();
  EXPECT_EQ(waits_until_it_is_time_to_sleep(backoff), waits);
}

}  // namespace
