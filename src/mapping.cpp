#include "mapping.hpp"

#include <lagoon/core/latch.hpp>

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

namespace lagoon::detail {

namespace {

std::size_t round_up(std::size_t n, std::size_t unit) { return (n + unit - 1) / unit * unit; }

/// FNV-1a: short names, no need for more.
std::uint64_t hash(std::string_view text) noexcept {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h;
}

/// What this process has mapped, and its books of handles. Never destroyed: handles may be static.
/// The turn of a segment may be held when the mutex is taken, never the other way round.
struct Process {
  std::mutex making_heap;  // taken before `mutex`, if both are
  std::mutex mutex;
  std::vector<Mapping*> mappings;
  SegmentOptions heap_options;
  Mapping* heap = nullptr;
};
Process& process() {
  static Process& p = *new Process;
  return p;
}

}  // namespace

/// A child may reach what its parent could at the moment of the fork, and is present among the
/// participants from before its first instruction of its own.
struct ForkHandlers {
  static void before() {
    process().making_heap.lock();
    process().mutex.lock();
    for (Mapping* m : process().mappings) {
      m->forking_ = 0;
      if (m->read_only()) continue;
      try {
        m->forking_ = m->participants().expect_child();
      } catch (const std::exception&) {
        continue;  // no slot, or no memory: the child will find none either
      }
      // What the child can reach of its parent's own heap is what exists now.
      if (m->lifetime_ == Mapping::Lifetime::heap && m->pid_ == ::getpid())
        m->forking_since_ = m->next_epoch();
      else
        m->forking_since_ = m->since_;
    }
  }
  static void after_in_parent() {
    process().mutex.unlock();
    process().making_heap.unlock();
  }
  static void after_in_child() {
    process().heap = nullptr;  // it is the parent's; this process makes its own when it needs one
    for (Mapping* m : process().mappings) {
      if (m->forking_ == 0) continue;
      try {
        m->since_ = m->forking_since_;
        m->participants().stamp_process(m->since_);
        (void)m->participants().self();
        m->participants().child_arrived(m->forking_);
      } catch (const std::exception&) {
        // The parent's slot goes on saying that a child is on its way: nothing is used again.
      }
    }
    after_in_parent();
  }
};

void Mapping::register_fork_handlers() {
  static const bool done = [] {
    core::Participants::register_fork_handlers();  // its child handler has to run before ours
    const int r = pthread_atfork(ForkHandlers::before, ForkHandlers::after_in_parent,
                                 ForkHandlers::after_in_child);
    if (r != 0) throw SystemError(r, "cannot register what fork must do");
    return true;
  }();
  (void)done;
}

std::uint32_t Header::layout_hash_value() noexcept {
  const std::size_t facts[] = {sizeof(Header),
                               offsetof(Header, turn),
                               offsetof(Header, buckets),
                               sizeof(Block),
                               offsetof(Block, count),
                               offsetof(Block, type_name),
                               sizeof(core::Participants),
                               core::Participants::size_for(1),
                               sizeof(core::Latch),
                               sizeof(pthread_mutex_t)};
  return static_cast<std::uint32_t>(hash({reinterpret_cast<const char*>(facts), sizeof facts}));
}

Stamp Block::stamp() const {
  return {.kind = static_cast<Stamp::Kind>(kind),
          .mode = static_cast<Stamp::Mode>(mode),
          .begins = static_cast<Stamp::Begins>(begins),
          .copies = copies,
          .element = {.kind = static_cast<ElementType::Kind>(element_kind),
                      .align = element_align,
                      .size = element_size,
                      .name = {type_name,
                               std::min<std::size_t>(type_name_length, sizeof type_name - 1)}},
          .count = count};
}

void Block::set_stamp(const Stamp& s) noexcept {
  kind = static_cast<std::uint8_t>(s.kind);
  mode = static_cast<std::uint8_t>(s.mode);
  begins = static_cast<std::uint8_t>(s.begins);
  copies = s.copies;
  element_kind = static_cast<std::uint8_t>(s.element.kind);
  element_align = s.element.align;
  element_size = s.element.size;
  count = s.count;
  type_name_length =
      static_cast<std::uint8_t>(std::min(s.element.name.size(), sizeof type_name - 1));
  std::copy_n(s.element.name.begin(), type_name_length, type_name);
}

// ---- A turn to change the directory ---------------------------------------------------------

class Mapping::Turn {
 public:
  explicit Turn(Mapping& m) : mapping_(m), me_(m.participants().self()) {
    const core::Taken taken = m.header().turn.take(m.participants(), me_, core::Deadline::never());
    if (taken > core::Taken::from_dead)
      throw UsageError("the directory of " + m.describe() +
                       " is being changed by this thread already: an object's initialiser must "
                       "not use the segment it is made in");
    if (taken == core::Taken::from_dead) m.sweep();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (fork_ == core::detail::fork_generation) mapping_.header().turn.give_back(me_);
  }
  [[nodiscard]] core::Owner me() const noexcept { return me_; }

 private:
  Mapping& mapping_;
  core::Owner me_;
  unsigned long fork_ = core::detail::fork_generation;
};

// ---- Mapping --------------------------------------------------------------------------------

Mapping::Mapping(int fd, Access access, Lifetime lifetime, std::string name,
                 const SegmentOptions& options)
    : fd_(fd),
      access_(access),
      lifetime_(lifetime),
      pid_(::getpid()),
      name_(std::move(name)),
      options_(options) {
  register_fork_handlers();
  struct stat s {};
  if (fd_ >= 0 && ::fstat(fd_, &s) == 0) {
    device_ = s.st_dev;
    inode_ = s.st_ino;
    page_ = std::max<std::size_t>(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)),
                                  static_cast<std::size_t>(s.st_blksize));
  }
}

Mapping::~Mapping() {
  {
    const std::lock_guard guard(process().mutex);
    std::erase(process().mappings, this);
  }
  if (base_ != nullptr && access_ == Access::read_write) {
    core::Participants& table = participants();
    table.resign();
    // A robust mutex must not be unmapped while its thread lives: the thread's list of them runs
    // through it. If other threads have enrolled, the address space stays as it is.
    if (table.members_here() != 0)
      base_ = nullptr;
    else
      table.forget();
  }
  if (base_ != nullptr && lifetime_ != Lifetime::adopted_memory) ::munmap(base_, reserve_);
  if (fd_ >= 0) ::close(fd_);
}

std::string Mapping::describe() const {
  if (lifetime_ == Lifetime::heap) return "the heap of process " + std::to_string(pid_);
  if (name_.empty()) return "the adopted segment";
  return "segment '" + name_ + "'";
}

void Mapping::map(std::size_t reserve) {
  reserve_ = reserve;
  const int protection = access_ == Access::read_write ? PROT_READ | PROT_WRITE : PROT_READ;
  void* p = ::mmap(nullptr, reserve_, protection, MAP_SHARED | MAP_NORESERVE, fd_, 0);
  if (p == MAP_FAILED)
    throw SystemError(errno, "cannot set aside " + std::to_string(reserve_) +
                                 " bytes of address space for " + describe() +
                                 " (Options::reserve; is there a `ulimit -v`, or mlockall?)");
  base_ = static_cast<std::byte*>(p);
  if (options_.huge_pages) ::madvise(base_, reserve_, MADV_HUGEPAGE);
}

void Mapping::commit(std::size_t from, std::size_t bytes) {
  struct stat s {};
  if (::fstat(fd_, &s) != 0 || s.st_dev != device_ || s.st_ino != inode_)
    throw SystemError(EBADF, "the descriptor of " + describe() +
                                 " was closed by the application; it cannot grow");
  int r;
  do r = ::fallocate(fd_, 0, static_cast<off_t>(from), static_cast<off_t>(bytes));
  while (r != 0 && errno == EINTR);
  if (r != 0 && (errno == ENOSPC || errno == ENOMEM || errno == EFBIG))
    throw OutOfMemory("no room for " + std::to_string(bytes) + " more bytes of " + describe() +
                      " in " + (lifetime_ == Lifetime::named ? options_.directory : "memory") +
                      ": " + std::strerror(errno));
  if (r != 0) throw SystemError(errno, "cannot grow " + describe());
#ifdef MADV_POPULATE_WRITE
  if (options_.prefault && base_ != nullptr) ::madvise(base_ + from, bytes, MADV_POPULATE_WRITE);
#endif
}

void Mapping::format(std::size_t committed) {
  auto* h = new (base_) Header{};
  const std::size_t capacity =
      std::min<std::size_t>(options_.participants, core::Participants::max_capacity);
  h->layout_version = Header::layout_version_value;
  h->layout_hash = Header::layout_hash_value();
  h->reserve = reserve_;
  h->participants = sizeof(Header);
  h->blocks = round_up(h->participants + core::Participants::size_for(capacity), 64);
  if (h->blocks + sizeof(Block) > committed)
    throw InvalidArgument("a segment of " + std::to_string(committed) + " bytes is too small for " +
                          std::to_string(capacity) + " participants; it takes " +
                          std::to_string(h->blocks) + " bytes before the first object");
  core::Participants::make(base_ + h->participants, capacity);
  auto* first = new (base_ + h->blocks) Block{};
  first->set(committed - h->blocks, Block::free_clean);
  h->search_from.store(h->blocks);
  h->epoch.store(1);
  h->committed.store(committed);
  h->magic.store(Header::magic_value, boost::memory_order_release);
}

void Mapping::check_header(std::size_t available) const {
  const Header& h = header();
  const auto wrong = [this](const std::string& what) -> void {
    throw LayoutMismatch(describe() + " " + what);
  };
  if (available < sizeof(Header))
    wrong("is no lagoon segment, or was truncated: it has " + std::to_string(available) +
          " bytes, a header " + std::to_string(sizeof(Header)));
  if (h.magic.load(boost::memory_order_acquire) != Header::magic_value)
    wrong("is no lagoon segment: it does not begin with one's mark");
  if (h.layout_version != Header::layout_version_value)
    wrong("has layout version " + std::to_string(h.layout_version) + ", this library has " +
          std::to_string(Header::layout_version_value) + "; use the same version in both programs");
  if (h.layout_hash != Header::layout_hash_value())
    wrong("was laid out by a library built for another machine or C library");
  const std::uint64_t committed = h.committed.load(boost::memory_order_acquire);
  if (committed > available)
    wrong("was truncated: it has " + std::to_string(available) + " bytes of " +
          std::to_string(committed));
  const std::uint64_t slots = h.participants;
  if (h.reserve < committed || h.reserve > (std::uint64_t{1} << 46) || slots != sizeof(Header) ||
      h.blocks % 64 != 0 || h.blocks < slots + sizeof(core::Participants) ||
      h.blocks + sizeof(Block) > committed)
    wrong("is corrupt: its header contradicts itself");
}

void Mapping::join() {
  if (access_ == Access::read_write) {
    core::Participants& table = participants();
    const std::size_t room = header().blocks - header().participants;
    if (core::Participants::size_for(table.capacity()) > room)
      throw LayoutMismatch(describe() + " is corrupt: its table of participants overlaps the rest");
    since_ = lifetime_ == Lifetime::heap ? ~std::uint64_t{0} : header().epoch.load();
    table.stamp_process(since_);
    (void)table.self();
  }
  const std::lock_guard guard(process().mutex);
  process().mappings.push_back(this);
}

MappingRef Mapping::make(int fd, Lifetime lifetime, std::string name,
                         const SegmentOptions& options) {
  MappingRef ref(new Mapping(fd, Access::read_write, lifetime, std::move(name), options));
  Mapping& m = *ref;
  const std::size_t table = core::Participants::size_for(
      std::min<std::size_t>(options.participants, core::Participants::max_capacity));
  const std::size_t committed = round_up(sizeof(Header) + table + (64 << 10), m.page_);
  const std::size_t reserve = round_up(options.reserve, m.page_);
  if (reserve < committed)
    throw InvalidArgument("Options::reserve is " + std::to_string(options.reserve) +
                          " bytes; a segment for " + std::to_string(options.participants) +
                          " participants needs " + std::to_string(committed) +
                          " before the first object");
  m.commit(0, committed);
  m.map(reserve);
  m.format(committed);
  m.join();
  return ref;
}

MappingRef Mapping::attach(int fd, Access access, std::string name, const SegmentOptions& options) {
  MappingRef ref(new Mapping(fd, access, Lifetime::named, std::move(name), options));
  Mapping& m = *ref;
  struct stat s {};
  if (::fstat(fd, &s) != 0) throw SystemError(errno, "cannot examine " + m.describe());
  if (!S_ISREG(s.st_mode))
    throw LayoutMismatch(m.describe() + " is no lagoon segment: it is no regular file");
  if (!options.any_owner && s.st_uid != ::geteuid() && s.st_uid != 0)
    throw SystemError(EPERM, m.describe() + " belongs to user " + std::to_string(s.st_uid) +
                                 ", this process runs as " + std::to_string(::geteuid()) +
                                 "; set Options::any_owner to trust it");
  {
    // One mapping of a segment for each process: a thread is one owner in it, whichever handle it
    // goes by.
    const std::lock_guard guard(process().mutex);
    for (Mapping* other : process().mappings)
      if (other->device_ == m.device_ && other->inode_ == m.inode_ && other->access_ == access &&
          other->take_reference())
        return MappingRef(other);
  }
  const auto size = static_cast<std::size_t>(s.st_size);
  if (size < sizeof(Header))
    throw LayoutMismatch(m.describe() + " is no lagoon segment, or was truncated: it has " +
                         std::to_string(size) + " bytes, a header " +
                         std::to_string(sizeof(Header)));
  // The header first: it says how much to map.
  m.map(round_up(sizeof(Header), m.page_));
  m.check_header(size);
  const std::size_t reserve = m.header().reserve;
  ::munmap(m.base_, m.reserve_);
  m.base_ = nullptr;
  m.map(reserve);
  m.join();
  if (access == Access::read_write) {
    const Turn turn(m);
    m.sweep();
  }
#ifdef MADV_POPULATE_WRITE
  if (options.prefault)
    ::madvise(m.base_, m.committed(),
              access == Access::read_write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
#endif
  return ref;
}

MappingRef Mapping::adopt(std::span<std::byte> memory, const SegmentOptions& options) {
  if (reinterpret_cast<std::uintptr_t>(memory.data()) % 64 != 0 ||
      memory.size() < sizeof(Header) + (4 << 10))
    throw InvalidArgument("memory to adopt must be aligned to 64 bytes and have at least " +
                          std::to_string(sizeof(Header) + (4 << 10)) + " bytes, this has " +
                          std::to_string(memory.size()));
  SegmentOptions fitting = options;
  fitting.participants = std::min(options.participants, memory.size() / 256);
  MappingRef ref(
      new Mapping(-1, Access::read_write, Lifetime::adopted_memory, std::string(), fitting));
  Mapping& m = *ref;
  m.base_ = memory.data();
  m.reserve_ = memory.size() / 64 * 64;
  if (m.header().magic.load(boost::memory_order_acquire) == 0)
    m.format(m.reserve_);
  else
    m.check_header(m.reserve_);
  m.join();
  return ref;
}

MappingRef Mapping::heap() {
  // A child makes its own: what it makes there is of no use to its parent, and goes with it.
  register_fork_handlers();
  const std::lock_guard one_maker(process().making_heap);
  if (process().heap == nullptr) {
    const int fd = static_cast<int>(::memfd_create("lagoon-heap", MFD_CLOEXEC));
    if (fd < 0) throw SystemError(errno, "cannot make the heap of this process (memfd_create)");
    const MappingRef made = make(fd, Lifetime::heap, {}, process().heap_options);
    made->references_.fetch_add(1, std::memory_order_relaxed);  // never unmapped
    process().heap = &*made;
  }
  process().heap->references_.fetch_add(1, std::memory_order_relaxed);
  return MappingRef(process().heap);
}

void Mapping::configure_heap(const SegmentOptions& options) {
  const std::lock_guard guard(process().making_heap);
  if (process().heap != nullptr)
    throw UsageError(
        "the heap of this process is in use: configure_heap comes before the first "
        "object is made in it");
  process().heap_options = options;
}

// ---- Blocks: with the turn ------------------------------------------------------------------

void Mapping::throw_corrupt(std::uint64_t offset) const {
  throw LayoutMismatch(describe() + " is corrupt at byte " + std::to_string(offset) +
                       ": what lies there is no block");
}

Block* Mapping::checked_at(std::uint64_t offset) const {
  const std::uint64_t end = committed();
  if (offset % 64 != 0 || offset < header().blocks || offset + sizeof(Block) > end)
    throw_corrupt(offset);
  Block* b = at(offset);
  const std::uint64_t size = b->size();
  if (size < sizeof(Block) || size % 64 != 0 || size > end - offset) throw_corrupt(offset);
  return b;
}

template <class F>
void Mapping::for_each_block(F&& f) const {
  const std::uint64_t end = committed();
  for (std::uint64_t offset = header().blocks; offset < end;) {
    Block* b = checked_at(offset);
    offset += b->size();
    f(b);
  }
}

void Mapping::join_with_free_neighbours(Block* b) const {
  const std::uint64_t end = committed();
  for (;;) {
    const std::uint64_t next_offset = offset_of(b) + b->size();
    if (next_offset >= end) return;
    Block* next = checked_at(next_offset);
    if (!next->is_free()) return;
    const bool clean = b->state() == Block::free_clean && next->state() == Block::free_clean;
    b->set(b->size() + next->size(), Block::free_dirty);
    if (clean) {
      // Inside free memory now: once its header is zero the whole is clean again.
      std::memset(static_cast<void*>(next), 0, sizeof(Block));
      b->set(Block::free_clean);
    }
  }
}

Mapping::Fresh Mapping::carve(Block* b, std::size_t need, core::Owner me) {
  const std::size_t size = b->size();
  const bool clean = b->state() == Block::free_clean;
  const bool first_free = offset_of(b) == header().search_from.load(boost::memory_order_relaxed);
  if (size - need >= sizeof(Block) + 64) {
    auto* rest = new (reinterpret_cast<std::byte*>(b) + need) Block{};
    rest->set(size - need, clean ? Block::free_clean : Block::free_dirty);
  } else {
    need = size;
  }
  b->name_length.store(0, boost::memory_order_relaxed);
  b->ended.store(0, boost::memory_order_relaxed);
  b->id.store(next_epoch(), boost::memory_order_relaxed);
  b->builder.store(me, boost::memory_order_relaxed);
  b->set(need, Block::building);  // (2), (3)
  if (first_free) header().search_from.store(offset_of(b) + need, boost::memory_order_relaxed);
  return {b, clean};
}

std::optional<Mapping::Fresh> Mapping::take_from_free(std::size_t need, core::Owner me) {
  bool first = true;
  for (std::uint64_t offset = header().search_from.load(); offset < committed();) {
    Block* b = checked_at(offset);
    if (b->is_free()) {
      join_with_free_neighbours(b);
      if (std::exchange(first, false))
        header().search_from.store(offset, boost::memory_order_relaxed);
      if (b->size() >= need) return carve(b, need, me);
    }
    offset += b->size();
  }
  return std::nullopt;
}

void Mapping::grow(std::size_t need) {
  const std::size_t old = committed();
  const std::size_t least = round_up(need, page_);
  if (lifetime_ == Lifetime::adopted_memory || least > reserve_ - old)
    throw OutOfMemory(describe() + " is full: it has " + std::to_string(old) + " of " +
                      std::to_string(reserve_) + " bytes that it may grow to, " +
                      std::to_string(need) +
                      " more were asked for; make it with a larger Options::reserve" +
                      (lifetime_ == Lifetime::heap ? " (configure_heap)" : ""));
  std::size_t more = std::min(reserve_ - old, std::max(least, round_up(old / 2, page_)));
  if (more > least + (16U << 20)) more = least + (16U << 20);
  try {
    commit(old, more);
  } catch (const OutOfMemory&) {
    if (more == least) throw;
    commit(old, more = least);
  }
  auto* added = new (base_ + old) Block{};
  added->set(more, Block::free_clean);
  header().committed.store(old + more, boost::memory_order_release);  // (1)
}

Mapping::Fresh Mapping::allocate(std::size_t bytes, std::string_view name, core::Owner me) {
  const std::size_t head = sizeof(Block) + round_up(name.size(), 64);
  if (bytes > reserve_) grow(bytes);  // says why not
  const std::size_t need = head + round_up(std::max<std::size_t>(bytes, 1), 64);
  auto fresh = take_from_free(need, me);
  if (!fresh) {
    sweep();
    fresh = take_from_free(need, me);
  }
  if (!fresh) {
    grow(need);
    fresh = take_from_free(need, me);
  }
  Block* b = fresh->block;
  b->payload_at = static_cast<std::uint32_t>(head);
  b->payload_bytes = bytes;
  std::copy(name.begin(), name.end(), reinterpret_cast<char*>(b + 1));
  b->name_length.store(static_cast<std::uint32_t>(name.size()), boost::memory_order_release);
  return *fresh;
}

void Mapping::set_free(Block* b) noexcept {
  // Whoever walks without the turn must notice that names may have changed under it.
  header().unlinks.fetch_add(1, boost::memory_order_acq_rel);
  const std::uint64_t offset = offset_of(b);
  if (offset < header().search_from.load(boost::memory_order_relaxed))
    header().search_from.store(offset, boost::memory_order_relaxed);
  b->set(Block::free_dirty);
}

Shared<std::uint64_t>& Mapping::bucket(std::string_view name) const noexcept {
  return header().buckets[hash(name) % Header::bucket_count];
}

Block* Mapping::lookup(std::string_view name) const {
  std::uint64_t steps = committed() / sizeof(Block);
  for (std::uint64_t o = bucket(name).load(boost::memory_order_acquire); o != 0;) {
    Block* b = checked_at(o);
    if (steps-- == 0) throw_corrupt(o);
    if (b->name() == name) return b;
    o = b->next.load(boost::memory_order_acquire);
  }
  return nullptr;
}

Block* Mapping::lookup_read_only(std::string_view name) const {
  for (;;) {
    const std::uint64_t unlinks = header().unlinks.load(boost::memory_order_acquire);
    Block* found = nullptr;
    bool broken = false;
    std::uint64_t steps = committed() / sizeof(Block);
    for (std::uint64_t o = bucket(name).load(boost::memory_order_acquire); o != 0;) {
      if (o % 64 != 0 || o < header().blocks || o + sizeof(Block) > committed() || steps-- == 0) {
        broken = true;
        break;
      }
      Block* b = at(o);
      const std::size_t length = b->name_length.load(boost::memory_order_acquire);
      if (length == name.size() && o + sizeof(Block) + length <= committed() && b->name() == name) {
        found = b;
        break;
      }
      o = b->next.load(boost::memory_order_acquire);
    }
    boost::atomic_thread_fence(boost::memory_order_acquire);
    if (header().unlinks.load(boost::memory_order_relaxed) != unlinks) continue;
    if (broken) throw_corrupt(0);
    return found;
  }
}

bool Mapping::is_linked(const Block* block) const {
  return block->name_length.load() != 0 && lookup(block->name()) == block;
}

void Mapping::link(Block* b, std::string_view name) {
  Shared<std::uint64_t>& head = bucket(name);
  b->next.store(head.load(boost::memory_order_relaxed), boost::memory_order_relaxed);
  head.store(offset_of(b), boost::memory_order_release);  // (4)
}

void Mapping::unlink(Block* block) {
  Shared<std::uint64_t>* from = &bucket(block->name());
  while (from->load() != offset_of(block)) from = &checked_at(from->load())->next;
  from->store(block->next.load(boost::memory_order_relaxed), boost::memory_order_release);  // (5)
}

bool Mapping::is_reachable(const Block* block) {
  core::Participants& table = participants();
  if (table.birth_pending()) return true;
  const bool named = block->name_length.load(boost::memory_order_relaxed) != 0;
  const std::uint64_t made = block->id.load(boost::memory_order_relaxed);
  const std::uint64_t ended = block->ended.load(boost::memory_order_relaxed);
  return !table.all_living([&](std::uint64_t since, std::int32_t, bool here) {
    if (here) {
      const std::lock_guard guard(process().mutex);
      return !handles_.contains(const_cast<Block*>(block));
    }
    // A named object may have been opened by anyone who was there before its end; a nameless one
    // was inherited by those forked while it was.
    return since >= ended || (!named && since < made);
  });
}

void Mapping::sweep() {
  for_each_block([&](Block* b) {
    switch (b->state()) {
      case Block::building:
        if (!participants().is_dead(b->builder.load(boost::memory_order_relaxed))) break;
        if (is_linked(b))
          b->set(Block::live);
        else
          set_free(b);
        break;
      case Block::live:
        if (b->name_length.load() == 0 || is_linked(b)) break;
        b->ended.store(next_epoch(), boost::memory_order_relaxed);
        b->set(Block::erased);
        break;
      case Block::erased:
        if (!is_reachable(b)) set_free(b);
        break;
      default:
        break;
    }
  });
}

/// If this process holds no handle to anything erased, it says so: it need not be waited for.
void Mapping::acknowledge() {
  if (lifetime_ == Lifetime::heap) return;
  {
    const std::lock_guard guard(process().mutex);
    for (const auto& [block, count] : handles_)
      if (block->state() == Block::erased) return;
    since_ = header().epoch.load(boost::memory_order_acquire);
  }
  participants().stamp_process(since_);
}

// ---- Objects --------------------------------------------------------------------------------

void Mapping::check_name(std::string_view name) const {
  if (name.empty() || name.size() > 250 || name.find('/') != std::string_view::npos ||
      name.find('\0') != std::string_view::npos)
    throw InvalidArgument("'" + std::string(name.substr(0, 300)) +
                          "' is no name for an object in " + describe() +
                          ": it must have 1 to 250 characters and no slash");
}

void Mapping::check_stamp(const Block* b, const Stamp& asked) const {
  const Stamp found = b->stamp();
  if (found.kind == asked.kind && found.mode == asked.mode &&
      (found.copies == asked.copies || asked.copies == 0) &&
      found.element.kind == asked.element.kind && found.element.size == asked.element.size &&
      found.element.name == asked.element.name &&
      (found.count == asked.count || asked.count == Stamp::any_count)) {
    if (b->payload_at + b->payload_bytes > b->size()) throw_corrupt(offset_of(b));
    return;
  }
  throw TypeMismatch("'" + std::string(b->name()) + "' in " + describe() + " is " + found.text() +
                     "; asked for was " + asked.text());
}

Handle Mapping::make_or_find(std::string_view name, const Stamp& stamp, std::size_t bytes,
                             Fill fill) {
  const bool named = !name.empty() || lifetime_ != Lifetime::heap;
  if (named) check_name(name);
  if (read_only())
    throw ReadOnly(describe() + " is attached read-only; '" + std::string(name) +
                   "' can be had as Value<const T> or Array<const T>");
  const auto found = [&](Block* b) {
    check_stamp(b, stamp);
    acknowledge();
    references_.fetch_add(1, std::memory_order_relaxed);
    return Handle(MappingRef(this), b);
  };

  Fresh fresh{};
  {
    const Turn turn(*this);
    if (named)
      if (Block* b = lookup(name)) return found(b);
    fresh = allocate(bytes, name, turn.me());
    fresh.block->set_stamp(stamp);
  }
  Block* b = fresh.block;
  try {
    if (!fresh.clean) std::memset(b->payload(), 0, bytes);
    fill(b->payload(), participants());
  } catch (...) {
    const Turn turn(*this);
    set_free(b);
    throw;
  }
  const Turn turn(*this);
  if (named) {
    if (Block* theirs = lookup(name)) {  // somebody was faster
      set_free(b);
      return found(theirs);
    }
    link(b, name);
  }
  b->set(Block::live);
  references_.fetch_add(1, std::memory_order_relaxed);
  return Handle(MappingRef(this), b);
}

std::optional<Handle> Mapping::find(std::string_view name, const Stamp& stamp,
                                    bool will_only_read) {
  check_name(name);
  if (read_only()) {
    Block* b = lookup_read_only(name);
    if (b == nullptr) return std::nullopt;
    check_stamp(b, stamp);
    if (!will_only_read)
      throw ReadOnly(describe() + " is attached read-only; '" + std::string(name) +
                     "' can be had as Value<const T> or Array<const T>");
    references_.fetch_add(1, std::memory_order_relaxed);
    return Handle(MappingRef(this), b);
  }
  const Turn turn(*this);
  Block* b = lookup(name);
  if (b == nullptr) return std::nullopt;
  check_stamp(b, stamp);
  acknowledge();
  references_.fetch_add(1, std::memory_order_relaxed);
  return Handle(MappingRef(this), b);
}

bool Mapping::erase(std::string_view name) {
  check_name(name);
  if (read_only()) throw ReadOnly(describe() + " is attached read-only: nothing can be erased");
  Block* b = nullptr;
  {
    const Turn turn(*this);
    b = lookup(name);
    if (b == nullptr) return false;
    b->ended.store(next_epoch(), boost::memory_order_relaxed);
    unlink(b);
    b->set(Block::erased);
    opened(b);  // stays what it is until those who use it have been told
  }
  notify_those_with_handles(b);
  closed(b);
  const Turn turn(*this);
  acknowledge();
  // Others may have freed it meanwhile, and even used it again.
  for_each_block([&](Block* other) {
    if (other->state() == Block::erased && !is_reachable(other)) set_free(other);
  });
  return true;
}

void Mapping::notify_those_with_handles(Block* b) {
  // A writer that is stopped is not waited for: its handle, and others', go on as they were, on
  // memory that nobody else gets.
  const auto soon = core::Deadline::after(std::chrono::milliseconds(10));
  switch (b->stamp().begins) {
    case Stamp::Begins::with_latch: {
      core::Latch::Turn turn(*reinterpret_cast<core::Latch*>(b->payload()), soon);
      if (turn.is_taken()) turn.retire();
      break;
    }
    case Stamp::Begins::with_owned_word: {
      auto& word = *reinterpret_cast<core::OwnedWord*>(b->payload());
      if (word.take(participants(), participants().self(), soon) <= core::Taken::from_dead)
        word.retire();
      break;
    }
    case Stamp::Begins::otherwise:
      break;
  }
}

/// The end of a nameless object: now, or when no child that inherited it lives.
void Mapping::drop(Block* block) {
  const Turn turn(*this);
  block->ended.store(next_epoch(), boost::memory_order_relaxed);
  block->set(Block::erased);
  dropped_.push_back(block);
  std::erase_if(dropped_, [&](Block* b) {
    if (is_reachable(b)) return false;
    set_free(b);
    return true;
  });
}

std::vector<Segment::Entry> Mapping::objects() {
  std::vector<Segment::Entry> all;
  const auto list = [&] {
    all.clear();
    for_each_block([&](Block* b) {
      if (b->state() == Block::live && b->name_length.load() != 0)
        all.push_back({std::string(b->name()), b->stamp().text(), b->size()});
    });
  };
  if (read_only()) {
    std::uint64_t unlinks;
    do {
      unlinks = header().unlinks.load(boost::memory_order_acquire);
      list();
      boost::atomic_thread_fence(boost::memory_order_acquire);
    } while (header().unlinks.load(boost::memory_order_relaxed) != unlinks);
  } else {
    const Turn turn(*this);
    list();
  }
  return all;
}

std::size_t Mapping::used() {
  std::size_t bytes = 0;
  const auto add = [&] {
    for_each_block([&](Block* b) {
      if (!b->is_free()) bytes += b->size();
    });
  };
  if (read_only()) {
    add();
  } else {
    const Turn turn(*this);
    add();
  }
  return bytes;
}

void Mapping::opened(Block* block) {
  const std::lock_guard guard(process().mutex);
  ++handles_[block];
}

void Mapping::closed(Block* block) noexcept {
  {
    const std::lock_guard guard(process().mutex);
    const auto found = handles_.find(block);
    if (found == handles_.end()) return;
    if (--found->second != 0) return;
    handles_.erase(found);
  }
  if (lifetime_ != Lifetime::heap || pid_ != ::getpid()) return;
  try {
    drop(block);
  } catch (const std::exception&) {
    // No slot among the participants to take the turn with: its memory stays until the heap goes.
  }
}

// ---- MappingRef, Handle ---------------------------------------------------------------------

/// False if the last reference has gone already.
bool Mapping::take_reference() noexcept {
  std::uint32_t n = references_.load(std::memory_order_relaxed);
  while (n != 0)
    if (references_.compare_exchange_weak(n, n + 1, std::memory_order_relaxed)) return true;
  return false;
}

MappingRef::MappingRef(const MappingRef& other) noexcept : mapping_(other.mapping_) {
  if (mapping_ != nullptr) mapping_->references_.fetch_add(1, std::memory_order_relaxed);
}
MappingRef::~MappingRef() {
  if (mapping_ != nullptr && mapping_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
    delete mapping_;
}

Handle::Handle(MappingRef mapping, Block* block)
    : payload_(block->payload()),
      mapping_(std::move(mapping)),
      block_(block),
      id_(block->id.load(boost::memory_order_relaxed)) {
  mapping_->opened(block);
}

void Handle::release() noexcept { mapping_->closed(block_); }

bool Handle::gone() const noexcept {
  if (block_ == nullptr) return true;
  // A block may be linked and still say `building`: its maker was killed between the two.
  const Block::State state = block_->state();
  return (state != Block::live && state != Block::building) ||
         block_->id.load(boost::memory_order_acquire) != id_;
}

std::uint64_t Handle::count() const noexcept { return block_->count; }
unsigned Handle::copies() const noexcept { return block_->copies; }

std::string Handle::describe() const {
  if (block_ == nullptr) return "an object that was moved from";
  const std::string type = block_->stamp().text();
  if (block_->name_length.load() == 0) return "a " + type;
  return "'" + std::string(block_->name()) + "' (" + type + ") in " + mapping_->describe();
}

void Handle::throw_gone() const {
  throw Gone(describe() +
             " was erased; what its name stands for now, if anything, must be opened "
             "anew");
}

core::Participants& participants_of(const Segment& segment) {
  if (segment.read_only())
    throw ReadOnly(segment.mapping()->describe() + " is attached read-only: nothing is made in it");
  return segment.mapping()->participants();
}

core::Participants& Handle::participants() const noexcept { return mapping_->participants(); }

Handle make_or_find(const Place& place, const Stamp& stamp, std::size_t bytes, Fill fill) {
  if (place.mapping()) return place.mapping()->make_or_find(place.name(), stamp, bytes, fill);
  return Mapping::heap()->make_or_find({}, stamp, bytes, fill);
}

std::optional<Handle> find(const MappingRef& mapping, std::string_view name, const Stamp& stamp,
                           bool read_only) {
  return mapping->find(name, stamp, read_only);
}

}  // namespace lagoon::detail
