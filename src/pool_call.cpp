#include <lagoon/error.hpp>
#include <lagoon/pool_call.hpp>
#include <lagoon/sent_exception.hpp>

#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "pool_state.hpp"

namespace lagoon::detail {

Outcome::Outcome(Bytes bytes)
    : bytes_(std::move(bytes)), failed_(!bytes_.empty() && bytes_.front() == has_exception) {}

void Outcome::throw_if_failed() const {
  if (!failed_) return;
  Decoder from = results();
  throw_sent_exception(from);
}

Bytes Outcome::bytes_of_current_exception() {
  Encoder to;
  to.put(has_exception);
  put_current_exception(to);
  return bytes_of(to);
}

void throw_if_any_failed(const std::vector<Outcome>& outcomes) {
  for (const Outcome& outcome : outcomes) outcome.throw_if_failed();
}

Job& PoolCall::job() const {
  if (!job_) throw UsageError("this result of a Pool's call is empty: it was moved from");
  return *job_;
}

bool PoolCall::wait_until(core::Deadline until) const {
  Job& j = job();
  j.pool->check_process("wait");
  return j.pool->wait(until, [&] { return j.is_ready_for_caller(); });
}

bool PoolCall::ready() const { return wait_until(core::Deadline::now()); }

bool PoolCall::successful() const {
  if (!ready()) throw UsageError("successful(): the result is not ready: wait() for it before");
  return std::ranges::none_of(job().outcomes, &Outcome::failed);
}

const std::vector<Outcome>& PoolCall::outcomes(core::Deadline until) const {
  if (!wait_until(until)) throw TimeoutError("get(): the result was not ready in time");
  throw_if_any_failed(job().outcomes);
  return job().outcomes;
}

void PoolCall::call_back(std::function<void(const std::vector<Outcome>&)> f,
                         bool if_successful) const {
  Job& j = job();
  j.pool->check_process("callback");
  {
    const std::lock_guard lock(j.pool->mutex);
    if (!j.is_ready) {
      j.callbacks.push_back({std::move(f), if_successful});
      return;
    }
  }
  if (std::ranges::any_of(j.outcomes, &Outcome::failed) != if_successful) f(j.outcomes);
}

std::optional<Outcome> PoolCall::next(core::Deadline until) const {
  Job& j = job();
  PoolState& pool = *j.pool;
  pool.check_process("next");
  pool.read_ahead(job_, pool.usual_ahead());
  const auto has_come = [&] { return j.there.contains(j.taken) || (j.left == 0 && !j.is_open); };
  if (!pool.wait(until, has_come))
    throw TimeoutError("next(): the next result was not there in time");
  std::exception_ptr failed;
  {
    const std::lock_guard lock(pool.mutex);
    if (auto found = j.there.extract(j.taken)) {
      ++j.taken;
      return std::move(found.mapped());
    }
    failed = std::exchange(j.source_failed, nullptr);
  }
  if (failed) std::rethrow_exception(failed);
  return std::nullopt;
}

void PoolCall::give_up() const noexcept {
  if (job_->pool->maker != ::getpid()) return;
  const std::lock_guard source_lock(job_->source_mutex);  // nobody reads it any more
  const std::lock_guard lock(job_->pool->mutex);
  job_->is_given_up = true;
  job_->is_open = false;
  job_->there.clear();
}

}  // namespace lagoon::detail
