#pragma once
/// The three questions. Each adds its parts to a run, which fill the question when they are run;
/// both must be there until then.

#include "results.hpp"
#include "run.hpp"

namespace growth {

/// A Dict, and a List, with ever more elements of 8 bytes.
Question keys(const Effort& effort);
void add_keys(Run& run, Question& question);

/// A Dict with ever larger values, a Queue with ever larger messages.
Question bytes(const Effort& effort);
void add_bytes(Run& run, Question& question);

/// A Dict, and a Queue, used by ever more processes at once.
Question processes(const Effort& effort);
void add_processes(Run& run, Question& question);

}  // namespace growth
