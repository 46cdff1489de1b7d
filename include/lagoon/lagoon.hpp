#pragma once
/// All of lagoon.

#include <lagoon/any.hpp>
#include <lagoon/array.hpp>
#include <lagoon/cell.hpp>
#include <lagoon/error.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/print.hpp>
#include <lagoon/process.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/typecode.hpp>
#include <lagoon/value.hpp>
