#pragma once
/// All of lagoon but fmt.hpp, for those who have {fmt}, and locks/, one header for each lock.

#include <lagoon/any.hpp>
#include <lagoon/array.hpp>
#include <lagoon/async_result.hpp>
#include <lagoon/barrier.hpp>
#include <lagoon/cell.hpp>
#include <lagoon/codec.hpp>
#include <lagoon/condition.hpp>
#include <lagoon/dict.hpp>
#include <lagoon/error.hpp>
#include <lagoon/event.hpp>
#include <lagoon/list.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/manager.hpp>
#include <lagoon/namespace.hpp>
#include <lagoon/object.hpp>
#include <lagoon/pool.hpp>
#include <lagoon/print.hpp>
#include <lagoon/process.hpp>
#include <lagoon/queue.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/semaphore.hpp>
#include <lagoon/sent_exception.hpp>
#include <lagoon/shared.hpp>
#include <lagoon/typecode.hpp>
#include <lagoon/value.hpp>
