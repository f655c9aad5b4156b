#include "simulations/scenario.hpp"

#include <chrono>
#include <cstdio>
#include <stdexcept>

#include <sys/resource.h>

namespace conclave::sim {

double Options::number(const std::string& name, double usual) const {
  take(name);
  auto found = set.find(name);
  if (found == set.end()) return usual;
  try {
    std::size_t used = 0;
    double value = std::stod(found->second, &used);
    if (used == found->second.size()) return value;
  } catch (const std::exception&) {  // said below
  }
  throw std::runtime_error("--set " + name + "=" + found->second + ": a number is wanted");
}

std::string Options::word(const std::string& name, const std::string& usual) const {
  take(name);
  auto found = set.find(name);
  return found == set.end() ? usual : found->second;
}

std::vector<std::string> Options::untaken() const {
  std::vector<std::string> out;
  for (auto& [name, value] : set)
    if (!taken_.contains(name)) out.push_back("--set " + name);
  if (!trace.empty() && !taken_.contains("trace")) out.push_back("--trace");
  return out;
}

void note(const std::string& text) { std::fprintf(stderr, "%8.1f s  %s\n", wall_seconds(), text.c_str()); }

std::uint64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

double wall_seconds() {
  static const auto start = std::chrono::steady_clock::now();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace conclave::sim
