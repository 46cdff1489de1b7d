#include <lagoon/error.hpp>
#include <lagoon/pool.hpp>

#include <unistd.h>

#include <string>

#include "pool_state.hpp"

namespace lagoon {

Pool::Pool(const PoolOptions& options, std::function<void()> initializer)
    : state_(std::make_shared<detail::PoolState>(options, std::move(initializer))) {
  state_->begin_workers();
}

Pool& Pool::operator=(Pool&& other) noexcept {
  if (this != &other) {
    finish();
    state_ = std::move(other.state_);
  }
  return *this;
}

Pool::~Pool() { finish(); }

void Pool::finish() noexcept {
  // A copy that was inherited by fork is dropped without ado: the workers are another's.
  if (state_ && state_->maker == ::getpid()) state_->terminate();
}

detail::PoolState& Pool::state(const char* method) const {
  if (!state_)
    throw UsageError(std::string("Pool: ") + method + ": it is empty: it was moved from");
  return *state_;
}

detail::PoolCall Pool::submit(const char* method, detail::Code code,
                              std::vector<detail::Bytes> chunks) {
  state(method).check_process(method);
  state_->check_code(method, code);
  auto job = std::make_shared<detail::Job>(state_);
  state_->submit(method, job, std::move(chunks));
  return detail::PoolCall(std::move(job));
}

detail::PoolCall Pool::submit(const char* method, detail::Code code, detail::Source source,
                              bool in_order) {
  state(method).check_process(method);
  state_->check_code(method, code);
  auto job = std::make_shared<detail::Job>(state_);
  state_->submit(method, job, std::move(source), in_order);
  return detail::PoolCall(std::move(job));
}

void Pool::check_chunksize(const char* method, std::size_t chunksize) {
  if (chunksize == 0)
    throw InvalidArgument(std::string("Chunksize must be 1+, not 0, of a Pool's ") + method);
}

void Pool::close() { state("close").close(); }

void Pool::terminate() {
  state("terminate").check_process("terminate");
  state_->terminate();
}

void Pool::join() { state("join").join(); }

std::vector<pid_t> Pool::pids() const {
  state("pids").check_process("pids");
  return state_->pids();
}

std::size_t Pool::processes() const { return state("processes").workers.size(); }

}  // namespace lagoon
