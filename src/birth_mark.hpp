#pragma once
/// Says to everyone that a process with this segment mapped is inside fork(): its child, which may
/// reach what its parent can, is not yet among the participants.
///
/// The mark is a lock on a byte of the file, by an open file of its own, which the child inherits
/// and unlocks when it has arrived. So the kernel keeps that book: if fork fails, or the child or
/// the parent is killed, the mark goes with the last descriptor. Where no such lock can be had
/// (adopted memory, no /proc) the parent's slot among the participants says it; a child killed
/// inside fork() then stays expected as long as its parent lives.

#include <lagoon/core/participants.hpp>

#include "file.hpp"

namespace lagoon::detail {

class BirthMark {
 public:
  /// Before fork. False, and there is no mark, if this thread has no slot and gets none.
  bool set(const File& file, core::Participants& table) noexcept;
  [[nodiscard]] bool is_set() const noexcept { return descriptor_ >= 0 || parent_ != core::nobody; }
  /// In the parent. The child's mark stays.
  void forget() noexcept;
  /// In the child, which is a participant now.
  void arrived(core::Participants& table) noexcept;

  /// Whether anyone has set one.
  static bool is_set_by_anyone(const File& file, const core::Participants& table) noexcept;

 private:
  int descriptor_ = -1;
  core::Owner parent_ = core::nobody;
};

}  // namespace lagoon::detail
