#pragma once
/// CPython beside us: a command that prints how many nanoseconds something takes there.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>

inline void register_python(const std::string& name, const std::string& command) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [command](benchmark::State& state) {
                                 for (auto _ : state) {
                                   FILE* const out = popen(command.c_str(), "r");
                                   double ns = 0;
                                   const bool has_figure =
                                       out != nullptr && std::fscanf(out, "%lf", &ns) == 1;
                                   if (out != nullptr) pclose(out);
                                   if (!has_figure) {
                                     state.SkipWithError("no python3");
                                     break;
                                   }
                                   state.SetIterationTime(1e-9 * ns);
                                 }
                               })
      ->UseManualTime()
      ->Iterations(1);
}
