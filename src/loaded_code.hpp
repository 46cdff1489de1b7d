#pragma once
/// Where this process has code: that of the program, and of the libraries that it has loaded.

#include <link.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace lagoon::detail {

class LoadedCode {
 public:
  /// As it is now.
  LoadedCode() {
    ::dl_iterate_phdr(
        [](dl_phdr_info* object, std::size_t, void* self) {
          for (unsigned i = 0; i < object->dlpi_phnum; ++i) {
            const auto& part = object->dlpi_phdr[i];
            if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
            const std::uintptr_t first = object->dlpi_addr + part.p_vaddr;
            static_cast<LoadedCode*>(self)->parts_.push_back({first, first + part.p_memsz});
          }
          return 0;
        },
        this);
  }
  [[nodiscard]] bool contains(const void* code) const noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(code);
    return std::ranges::any_of(parts_, [at](auto& p) { return at >= p.first && at < p.last; });
  }

 private:
  struct Part {
    std::uintptr_t first, last;
  };
  std::vector<Part> parts_;
};

}  // namespace lagoon::detail
