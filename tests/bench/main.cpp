// Google Benchmark's main, with `--json` as the short form of --benchmark_format=json.
#include "crypto/keys.hpp"

#include <cstring>
#include <vector>

#include <benchmark/benchmark.h>

int main(int argc, char** argv) {
  conclave::crypto::init();
  static char json[] = "--benchmark_format=json";
  std::vector<char*> arguments(argv, argv + argc);
  for (char*& argument : arguments)
    if (std::strcmp(argument, "--json") == 0) argument = json;
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
