#include "mapping.hpp"

#include <lagoon/core/latch.hpp>

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <utility>

namespace lagoon::detail {

namespace {

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
/// participants from before its first instruction of its own. Until it is, the mark of its parent's
/// making says that a child is on its way: a lock on a byte of the file, by an open file that the
/// child inherits and closes when it has arrived. If it is killed before, or fork fails, or its
/// parent dies, the kernel keeps that book.
struct ForkHandlers {
  static void before() {
    process().making_heap.lock();
    process().mutex.lock();
    for (Mapping* m : process().mappings) {
      m->forking_ = 0;
      if (m->read_only()) continue;
      m->forking_mark_ = m->mark_fork();
      if (m->forking_mark_ < 0) {
        try {
          m->forking_ = m->participants().expect_child();
        } catch (const std::exception&) {
          continue;  // no slot, or no memory: the child will find none either
        }
      }
      const std::uint64_t now = m->directory_.next_epoch();
      // What the child can reach of its parent's own heap is what exists now.
      const bool own_heap = m->lifetime_ == Mapping::Lifetime::heap && m->pid_ == ::getpid();
      m->forking_since_ = own_heap ? now : m->since_;
    }
  }
  static void after_in_parent() {
    for (Mapping* m : process().mappings) close_mark(*m);
    unlock();
  }
  static void after_in_child() {
    process().heap = nullptr;  // it is the parent's; this process makes its own when it needs one
    for (Mapping* m : process().mappings) {
      if (m->forking_ == 0 && m->forking_mark_ < 0) continue;
      try {
        m->since_ = m->forking_since_;
        m->participants().stamp_process(m->since_);
        (void)m->participants().self();
        if (m->forking_ != 0) m->participants().child_arrived(m->forking_);
        close_mark(*m);
      } catch (const std::exception&) {
        // A child goes on being on its way: nothing is used again.
      }
    }
    unlock();
  }

 private:
  static void close_mark(Mapping& m) {
    if (m.forking_mark_ >= 0) ::close(std::exchange(m.forking_mark_, -1));
  }
  static void unlock() {
    process().mutex.unlock();
    process().making_heap.unlock();
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
  if (takes_part_) {
    core::Participants& table = participants();
    table.resign();
    // A robust mutex must not be unmapped while its thread lives: the thread's list of them runs
    // through it. If other threads have enrolled, the address space stays as it is.
    if (table.members_here() != 0)
      directory_.set_base(nullptr);
    else
      table.forget();
  }
  unmap();
  if (has_descriptor()) ::close(fd_);
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
  directory_.set_base(static_cast<std::byte*>(p));
  if (options_.huge_pages) ::madvise(p, reserve_, MADV_HUGEPAGE);
}

void Mapping::unmap() noexcept {
  if (directory_.base() != nullptr && lifetime_ != Lifetime::adopted_memory)
    ::munmap(directory_.base(), reserve_);
  directory_.set_base(nullptr);
}

/// Applications that close every descriptor close this one too, and get its number for another
/// file.
bool Mapping::has_descriptor() const noexcept {
  struct stat s {};
  return fd_ >= 0 && ::fstat(fd_, &s) == 0 && s.st_dev == device_ && s.st_ino == inode_;
}

void Mapping::prefault(std::size_t from, std::size_t bytes) noexcept {
#ifdef MADV_POPULATE_WRITE
  ::madvise(directory_.base() + from, bytes,
            access_ == Access::read_write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
#else
  (void)from, (void)bytes;
#endif
}

void Mapping::commit(std::size_t from, std::size_t bytes) {
  if (!has_descriptor())
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
  if (options_.prefault && directory_.base() != nullptr) prefault(from, bytes);
}

void Mapping::join() {
  if (access_ == Access::read_write) {
    core::Participants& table = participants();
    const std::size_t room = directory_.header().blocks - directory_.header().participants;
    if (core::Participants::size_for(table.capacity()) > room)
      throw LayoutMismatch(describe() + " is corrupt: its table of participants overlaps the rest");
    since_ = lifetime_ == Lifetime::heap ? ~std::uint64_t{0} : directory_.header().epoch.load();
    takes_part_ = true;
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
      std::clamp<std::size_t>(options.participants, 1, core::Participants::max_capacity));
  const std::size_t committed = round_up(sizeof(Header) + table + (64 << 10), m.page_);
  const std::size_t reserve = round_up(options.reserve, m.page_);
  if (reserve < committed)
    throw InvalidArgument("Options::reserve is " + std::to_string(options.reserve) +
                          " bytes; a segment for " + std::to_string(options.participants) +
                          " participants needs " + std::to_string(committed) +
                          " before the first object");
  m.commit(0, committed);
  m.map(reserve);
  if (options.prefault) m.prefault(0, committed);
  m.directory_.format(committed, reserve, options.participants);
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
          other->take_reference()) {
        if (options.prefault) other->prefault(0, other->committed());
        return MappingRef(other);
      }
  }
  const auto size = static_cast<std::size_t>(s.st_size);
  if (size < sizeof(Header))
    throw LayoutMismatch(m.describe() + " is no lagoon segment, or was truncated: it has " +
                         std::to_string(size) + " bytes, a header " +
                         std::to_string(sizeof(Header)));
  // The header first: it says how much to map.
  m.map(round_up(sizeof(Header), m.page_));
  m.directory_.check_header(size);
  const std::size_t reserve = m.directory_.header().reserve;
  m.unmap();
  m.map(reserve);
  m.join();
  if (access == Access::read_write) {
    const Directory::Turn turn(m.directory_);
    m.directory_.sweep();
  }
  if (options.prefault) m.prefault(0, m.committed());
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
  m.directory_.set_base(memory.data());
  m.reserve_ = memory.size() / 64 * 64;
  if (m.directory_.header().magic.load(boost::memory_order_acquire) == 0)
    m.directory_.format(m.reserve_, m.reserve_, fitting.participants);
  else
    m.directory_.check_header(m.reserve_);
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

namespace {
/// The byte of the file that forks are marked on.
struct flock fork_byte(short type) noexcept {
  struct flock lock {};
  lock.l_type = type;
  lock.l_start = fork_mark_at;
  lock.l_len = 1;
  return lock;
}
}  // namespace

/// A descriptor that marks a fork under way as long as anyone has it; -1 if none can be had.
int Mapping::mark_fork() const noexcept {
  if (!has_descriptor()) return -1;
  char self[32];
  std::snprintf(self, sizeof self, "/proc/self/fd/%d", fd_);
  const int mark = ::open(self, O_RDONLY | O_CLOEXEC);
  struct flock lock = fork_byte(F_RDLCK);
  if (mark < 0 || ::fcntl(mark, F_OFD_SETLK, &lock) == 0) return mark;
  ::close(mark);
  return -1;
}

bool Mapping::fork_under_way() const noexcept {
  if (participants().birth_pending()) return true;
  if (lifetime_ == Lifetime::adopted_memory) return false;
  struct flock lock = fork_byte(F_WRLCK);
  return !has_descriptor() || ::fcntl(fd_, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

bool Mapping::is_reachable(const Block* block) {
  if (is_among_the_living(block)) return true;
  // Those who were forked meanwhile may have missed the look, and their parents may be dead: a look
  // counts if no fork was under way before and none has begun since.
  const std::uint64_t epoch = directory_.header().epoch.load(boost::memory_order_acquire);
  if (fork_under_way() || is_among_the_living(block)) return true;
  boost::atomic_thread_fence(boost::memory_order_acquire);
  return directory_.header().epoch.load(boost::memory_order_relaxed) != epoch;
}

bool Mapping::is_among_the_living(const Block* block) {
  const bool named = block->name_length.load(boost::memory_order_relaxed) != 0;
  const std::uint64_t made = block->id.load(boost::memory_order_relaxed);
  const std::uint64_t ended = block->ended.load(boost::memory_order_relaxed);
  return !participants().all_living([&](std::uint64_t since, std::int32_t, bool here) {
    if (here) {
      const std::lock_guard guard(process().mutex);
      return !handles_.contains(const_cast<Block*>(block));
    }
    // A named object may have been opened by anyone who was there before its end; a nameless one
    // was inherited by those forked while it was.
    return since >= ended || (!named && since < made);
  });
}

void Mapping::swept() noexcept {
  std::erase_if(dropped_, [](const Block* b) { return b->state() != Block::erased; });
}

/// If this process holds no handle to anything erased, it says so: it need not be waited for.
void Mapping::acknowledge() {
  if (lifetime_ == Lifetime::heap) return;
  {
    const std::lock_guard guard(process().mutex);
    for (const auto& [block, count] : handles_)
      if (block->state() == Block::erased) return;
    since_ = directory_.header().epoch.load(boost::memory_order_acquire);
  }
  participants().stamp_process(since_);
}

// ---- Objects --------------------------------------------------------------------------------

Handle Mapping::handle_of(Block* block) {
  references_.fetch_add(1, std::memory_order_relaxed);
  return Handle(MappingRef(this), block);
}

Handle Mapping::make_or_find(std::string_view name, const Stamp& stamp, std::size_t bytes,
                             Fill fill) {
  const bool named = !name.empty() || lifetime_ != Lifetime::heap;
  if (named) directory_.check_name(name);
  if (read_only())
    throw ReadOnly(describe() + " is attached read-only; '" + std::string(name) +
                   "' can be had as Value<const T> or Array<const T>");
  const auto found = [&](Block* b) {
    directory_.check_stamp(b, stamp);
    acknowledge();
    return handle_of(b);
  };

  Directory::Fresh fresh{};
  {
    const Directory::Turn turn(directory_);
    if (named)
      if (Block* b = directory_.lookup(name)) return found(b);
    acknowledge();
    fresh = directory_.allocate(bytes, name, turn.me());
    fresh.block->set_stamp(stamp);
  }
  Block* b = fresh.block;
  try {
    if (!fresh.clean) std::memset(b->payload(), 0, bytes);
    fill(b->payload(), participants());
  } catch (...) {
    const Directory::Turn turn(directory_);
    directory_.set_free(b);
    throw;
  }
  const Directory::Turn turn(directory_);
  if (named) {
    if (Block* theirs = directory_.lookup(name)) {  // somebody was faster
      directory_.set_free(b);
      return found(theirs);
    }
    directory_.link(b, name);
  }
  b->set(Block::live);
  return handle_of(b);
}

std::optional<Handle> Mapping::find(std::string_view name, const Stamp& stamp,
                                    bool will_only_read) {
  directory_.check_name(name);
  if (read_only()) {
    for (;;) {
      const std::uint64_t before = directory_.unlinks();
      Block* b = directory_.lookup_read_only(name);
      if (b == nullptr) return std::nullopt;
      try {
        directory_.check_stamp(b, stamp);
      } catch (const std::exception&) {
        if (directory_.unlinks() != before) continue;  // it was another one's stamp
        throw;
      }
      if (!will_only_read)
        throw ReadOnly(describe() + " is attached read-only; '" + std::string(name) +
                       "' can be had as Value<const T> or Array<const T>");
      Handle handle = handle_of(b);
      if (directory_.unlinks() == before) return handle;
    }
  }
  const Directory::Turn turn(directory_);
  Block* b = directory_.lookup(name);
  if (b == nullptr) return std::nullopt;
  directory_.check_stamp(b, stamp);
  acknowledge();
  return handle_of(b);
}

bool Mapping::erase(std::string_view name) {
  directory_.check_name(name);
  if (read_only()) throw ReadOnly(describe() + " is attached read-only: nothing can be erased");
  Block* b = nullptr;
  {
    const Directory::Turn turn(directory_);
    b = directory_.lookup(name);
    if (b == nullptr) return false;
    b->ended.store(directory_.next_epoch(), boost::memory_order_relaxed);
    directory_.unlink(b);
    b->set(Block::erased);
    opened(b);  // stays what it is until those who use it have been told
  }
  notify_those_with_handles(b);
  closed(b);
  const Directory::Turn turn(directory_);
  acknowledge();
  // Others may have freed it meanwhile, and even used it again.
  directory_.for_each_block([&](Block* other) {
    if (other->state() == Block::erased && !is_reachable(other)) directory_.set_free(other);
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
  const Directory::Turn turn(directory_);
  block->ended.store(directory_.next_epoch(), boost::memory_order_relaxed);
  block->set(Block::erased);
  dropped_.push_back(block);
  std::erase_if(dropped_, [&](Block* b) {
    if (is_reachable(b)) return false;
    directory_.set_free(b);
    return true;
  });
}

std::vector<Segment::Entry> Mapping::objects() {
  std::vector<Segment::Entry> all;
  const auto list = [&](Block* b, std::size_t room) {
    const std::string_view name = b->name();
    if (b->state() == Block::live && !name.empty() && sizeof(Block) + name.size() <= room)
      all.push_back({std::string(name), b->stamp().text(), b->size()});
  };
  if (read_only()) {
    directory_.for_each_block_read_only([&] { all.clear(); }, list);
  } else {
    const Directory::Turn turn(directory_);
    directory_.for_each_block([&](Block* b) { list(b, b->size()); });
  }
  return all;
}

std::size_t Mapping::used() {
  std::size_t bytes = 0;
  const auto add = [&](Block* b) {
    if (!b->is_free()) bytes += b->size();
  };
  if (read_only()) {
    directory_.for_each_block_read_only([&] { bytes = 0; }, [&](Block* b, std::size_t) { add(b); });
  } else {
    const Directory::Turn turn(directory_);
    directory_.for_each_block(add);
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

}  // namespace lagoon::detail
