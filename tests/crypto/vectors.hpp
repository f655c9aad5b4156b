#pragma once
/// Official test vectors, read from the folder that CONCLAVE_VECTORS names.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "crypto/bytes.hpp"

namespace conclave::vectors {

inline std::filesystem::path folder() {
  const char* set = std::getenv("CONCLAVE_VECTORS");
  return set ? set : "";
}

/// The path below the folder, as JSON. Nothing where the variable is not set; throws where it is and the file is not
/// there, since a set of vectors that went missing must not pass for a skip.
inline std::optional<nlohmann::json> read(const std::string& path) {
  if (folder().empty()) return std::nullopt;
  std::ifstream in(folder() / path);
  if (!in) throw std::runtime_error("no vectors at " + (folder() / path).string());
  return nlohmann::json::parse(in);
}

inline Bytes bytes(const nlohmann::json& digits) {
  auto out = from_hex(digits.get<std::string>());
  if (!out) throw std::runtime_error("not hexadecimal: " + digits.dump());
  return *out;
}

/// `./test` shows these lines.
inline void figure(const std::string& what, std::size_t count) {
  std::printf("figure vectors %s: %zu\n", what.c_str(), count);
}

}  // namespace conclave::vectors

/// `VECTORS(auto file, "noise/snow.txt");` inside a TEST.
#define VECTORS(declaration, path)                                                \
  auto read_vectors_ = conclave::vectors::read(path);                             \
  if (!read_vectors_) GTEST_SKIP() << "CONCLAVE_VECTORS is not set (" path ")";   \
  declaration = std::move(*read_vectors_)
