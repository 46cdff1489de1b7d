#pragma once
/// A segment's name that no other test uses, removed when it goes out of scope.
///
/// When the program ends, main.cpp fails it if any file of such a name is left in /dev/shm.

#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "run.hpp"

namespace lagoon::test {

class ShmName {
 public:
  ShmName()
      : name_("lagoon-test-" + std::to_string(program_pid()) + "-" +
              std::to_string(unique_number())) {}
  ~ShmName() {
    if (getpid() != maker_) return;  // a child's copy
    std::error_code ignored;
    std::filesystem::remove(path(), ignored);
  }
  ShmName(const ShmName&) = delete;
  ShmName& operator=(const ShmName&) = delete;

  [[nodiscard]] const std::string& str() const noexcept { return name_; }
  [[nodiscard]] std::string path() const { return "/dev/shm/" + name_; }
  operator const std::string&() const noexcept { return name_; }
  operator std::string_view() const noexcept { return name_; }

 private:
  pid_t maker_ = getpid();
  std::string name_;
};

}  // namespace lagoon::test
