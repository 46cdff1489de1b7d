/// The memory of a mapping: how it is mapped, grows, is found again in this process and inherited
/// by its children.
#include "mapping.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

namespace lagoon::detail {

namespace {

/// What this process has mapped. Never destroyed: handles may be static.
/// `attaching` is taken before the turn of a segment and before `mutex`, `mutex` before the one of
/// a Reach; and never the other way round.
struct Process {
  // One at a time, so that nothing is mapped twice. Who has it may wait for a turn that one has who
  // is stopped. So fork does not wait for it: a child has another one, and what its parent was
  // about to map is in none of its books.
  std::mutex attaching;
  std::mutex mutex;
  std::vector<Mapping*> mappings;
  SegmentOptions heap_options;
  Mapping* heap = nullptr;
};
Process& process() {
  static Process& p = *new Process;
  return p;
}

constexpr std::size_t max_reserve = std::size_t{1} << 47;

void check(const SegmentOptions& options) {
  if (options.participants == 0 || options.participants > core::Participants::max_capacity)
    throw InvalidArgument("Options::participants is " + std::to_string(options.participants) +
                          "; it must be 1 to " + std::to_string(core::Participants::max_capacity));
  if (options.reserve > max_reserve)
    throw InvalidArgument("Options::reserve is " + std::to_string(options.reserve) +
                          " bytes; a process can address " + std::to_string(max_reserve));
}

}  // namespace

struct ForkHandlers {
  static void before() {
    process().mutex.lock();
    for_each([](Reach& reach) { reach.before_fork(); });
  }
  static void after_in_parent() {
    for_each([](Reach& reach) { reach.after_fork_in_parent(); });
    process().mutex.unlock();
  }
  static void after_in_child() {
    new (&process().attaching) std::mutex;  // a thread of the parent may have it
    process().heap = nullptr;  // it is the parent's; this process makes its own when it needs one
    for_each([](Reach& reach) { reach.after_fork_in_child(); });
    process().mutex.unlock();
  }
  static void install() {
    static const bool done = [] {
      core::Participants::register_fork_handlers();  // its child handler has to run before ours
      const int r = pthread_atfork(before, after_in_parent, after_in_child);
      if (r != 0) throw SystemError(r, "cannot register what fork must do");
      return true;
    }();
    (void)done;
  }

 private:
  template <class F>
  static void for_each(F&& f) {
    for (Mapping* m : process().mappings)
      if (!m->read_only()) f(m->reach_);
  }
};

Mapping::Mapping(int fd, Access access, Lifetime lifetime, std::string name,
                 const SegmentOptions& options)
    : file_(fd),
      access_(access),
      lifetime_(lifetime),
      pid_(::getpid()),
      name_(std::move(name)),
      options_(options),
      reach_(directory_, file_, lifetime == Lifetime::heap ? pid_ : 0) {
  ForkHandlers::install();
}

Mapping::~Mapping() {
  if (takes_part_) {
    // In memory that was adopted, threads may go on being enrolled: it is not ours to unmap.
    if (others_are_enrolled())
      directory_.set_base(nullptr);
    else
      participants().forget();
  }
  unmap();
}

bool Mapping::others_are_enrolled() noexcept {
  participants().resign();
  participants().end_keeper();
  return participants().members_here() != 0;
}

void Mapping::unused(Mapping* mapping) noexcept {
  {
    const std::lock_guard guard(process().mutex);
    if (mapping->lifetime_ == Lifetime::named && mapping->takes_part_ &&
        mapping->others_are_enrolled()) {
      mapping->kept_ = true;
      return;
    }
    std::erase(process().mappings, mapping);
  }
  delete mapping;
}

bool Mapping::take_reference() noexcept {
  std::uint32_t n = references_.load(std::memory_order_relaxed);
  while (n != 0)
    if (references_.compare_exchange_weak(n, n + 1, std::memory_order_relaxed)) return true;
  return false;
}

/// The mapping of that file that this process has already, if it has one.
MappingRef Mapping::found_again(const File& file, Access access) {
  const std::lock_guard guard(process().mutex);
  for (Mapping* m : process().mappings) {
    if (!m->file_.is(file) || m->access_ != access) continue;
    if (std::exchange(m->kept_, false))
      m->references_.store(1, std::memory_order_relaxed);
    else if (!m->take_reference())
      continue;
    return MappingRef(m);
  }
  return MappingRef();
}

MappingRef Mapping::adopted_again(const std::byte* memory) {
  const std::lock_guard guard(process().mutex);
  for (Mapping* m : process().mappings) {
    if (m->lifetime_ != Lifetime::adopted_memory || m->directory_.base() != memory) continue;
    // Unless the application has used the memory for something else since.
    const auto mark = m->directory_.header().magic.load(boost::memory_order_acquire);
    if (mark == Header::magic_value && m->take_reference()) return MappingRef(m);
  }
  return MappingRef();
}

std::string Mapping::describe() const {
  if (lifetime_ == Lifetime::heap) return "the heap of process " + std::to_string(pid_);
  if (name_.empty()) return "the adopted segment";
  return "segment '" + name_ + "'";
}

// ---- Memory ---------------------------------------------------------------------------------

void Mapping::map(std::size_t reserve) {
  reserve_ = reserve;
  const int protection = access_ == Access::read_write ? PROT_READ | PROT_WRITE : PROT_READ;
  void* p =
      ::mmap(nullptr, reserve_, protection, MAP_SHARED | MAP_NORESERVE, file_.descriptor(), 0);
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

void Mapping::prefault(std::size_t from, std::size_t bytes) noexcept {
#ifdef MADV_POPULATE_WRITE
  ::madvise(directory_.base() + from, bytes,
            access_ == Access::read_write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
#else
  (void)from, (void)bytes;
#endif
}

void Mapping::commit(std::size_t from, std::size_t bytes) {
  const int error = file_.commit(from, bytes);
  if (error == EBADF)
    throw SystemError(EBADF, "the descriptor of " + describe() +
                                 " was closed by the application; it cannot grow");
  if (error == ENOSPC || error == ENOMEM || error == EFBIG)
    throw OutOfMemory("no room for " + std::to_string(bytes) + " more bytes of " + describe() +
                      " in " + (lifetime_ == Lifetime::named ? options_.directory : "memory") +
                      ": " + std::strerror(error));
  if (error != 0) throw SystemError(error, "cannot grow " + describe());
  if (options_.prefault && directory_.base() != nullptr) prefault(from, bytes);
}

void Mapping::take_part_from_now_on() {
  takes_part_ = true;
  reach_.join();
}

/// It can be found again, and is inherited.
void Mapping::enter() {
  const std::lock_guard guard(process().mutex);
  process().mappings.push_back(this);
}

/// Of what others have made, and which may have been damaged since.
void Mapping::check_and_enter() {
  if (access_ == Access::read_write) {
    directory_.check_participants();
    take_part_from_now_on();
    const Directory::Turn turn(directory_);
    directory_.check_blocks();
    directory_.sweep();
  }
  enter();
}

// ---- Made and found -------------------------------------------------------------------------

MappingRef Mapping::make(int fd, Lifetime lifetime, std::string name,
                         const SegmentOptions& options) {
  MappingRef ref(new Mapping(fd, Access::read_write, lifetime, std::move(name), options));
  Mapping& m = *ref;
  check(options);
  const std::size_t table = core::Participants::size_for(options.participants);
  const std::size_t committed = round_up(sizeof(Header) + table + (64 << 10), m.page());
  const std::size_t reserve = round_up(options.reserve, m.page());
  if (reserve < committed)
    throw InvalidArgument("Options::reserve is " + std::to_string(options.reserve) +
                          " bytes; a segment for " + std::to_string(options.participants) +
                          " participants needs " + std::to_string(committed) +
                          " before the first object");
  m.commit(0, committed);
  m.map(reserve);
  if (options.prefault) m.prefault(0, committed);
  m.directory_.format(committed, reserve, options.participants);
  m.take_part_from_now_on();
  m.enter();
  return ref;
}

MappingRef Mapping::attach(int fd, Access access, std::string name, const SegmentOptions& options) {
  // One mapping of a segment for each process: a thread is one owner in it, whichever handle it
  // goes by.
  ForkHandlers::install();
  const std::lock_guard one_at_a_time(process().attaching);
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
  if (MappingRef found = found_again(m.file_, access)) {
    if (options.prefault) found->prefault(0, found->committed());
    return found;
  }
  auto size = static_cast<std::size_t>(s.st_size);
  if (size < sizeof(Header))
    throw LayoutMismatch(m.describe() + " is no lagoon segment, or was truncated: it has " +
                         std::to_string(size) + " bytes, a header " +
                         std::to_string(sizeof(Header)));
  // The header first: it says how much to map.
  m.map(round_up(sizeof(Header), m.page()));
  for (;;) try {
      m.directory_.check_header(size);
      break;
    } catch (const LayoutMismatch&) {
      // It may have grown since its size was looked at: then what it says of itself is later.
      if (::fstat(fd, &s) != 0 || static_cast<std::size_t>(s.st_size) <= size) throw;
      size = static_cast<std::size_t>(s.st_size);
    }
  const std::size_t reserve = m.directory_.header().reserve;
  m.unmap();
  m.map(reserve);
  m.check_and_enter();
  if (options.prefault) m.prefault(0, m.committed());
  return ref;
}

MappingRef Mapping::adopt(std::span<std::byte> memory, const SegmentOptions& options) {
  if (reinterpret_cast<std::uintptr_t>(memory.data()) % 64 != 0 ||
      memory.size() < sizeof(Header) + (4 << 10))
    throw InvalidArgument("memory to adopt must be aligned to 64 bytes and have at least " +
                          std::to_string(sizeof(Header) + (4 << 10)) + " bytes, this has " +
                          std::to_string(memory.size()));
  // One at a time, so that one set of books says what this process has handles to.
  ForkHandlers::install();
  const std::lock_guard one_at_a_time(process().attaching);
  if (MappingRef found = adopted_again(memory.data())) return found;
  MappingRef ref(
      new Mapping(-1, Access::read_write, Lifetime::adopted_memory, std::string(), options));
  Mapping& m = *ref;
  m.directory_.set_base(memory.data());
  m.reserve_ = memory.size() / 64 * 64;
  const std::uint64_t mark = m.directory_.header().magic.load(boost::memory_order_acquire);
  if (mark == 0 || mark == Header::magic_begun) {
    check(options);
    if (mark == 0 && std::ranges::any_of(memory.first(sizeof(Header)),
                                         [](std::byte b) { return b != std::byte{}; }))
      throw LayoutMismatch(
          "the memory to adopt holds something that is no lagoon segment; to make one there, fill "
          "it with zeros first");
    m.directory_.format(m.reserve_, m.reserve_,
                        std::min(options.participants, memory.size() / 512));
    m.take_part_from_now_on();
    m.enter();
  } else {
    m.directory_.check_header(m.reserve_);
    m.check_and_enter();
  }
  return ref;
}

MappingRef Mapping::heap() {
  // A child makes its own: what it makes there is of no use to its parent, and goes with it.
  ForkHandlers::install();
  const std::lock_guard one_at_a_time(process().attaching);
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
  check(options);
  const std::lock_guard one_at_a_time(process().attaching);
  if (process().heap != nullptr)
    throw UsageError(
        "the heap of this process is in use: configure_heap comes before the first "
        "object is made in it");
  const std::lock_guard in_no_fork(process().mutex);
  process().heap_options = options;
}

}  // namespace lagoon::detail
