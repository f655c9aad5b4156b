#include "node/gateway/page.hpp"

#include <array>
#include <cstdint>

#include <sodium.h>

#ifndef CONCLAVE_PAGE
#error "CONCLAVE_PAGE is the path of the built page; CMakeLists.txt sets it"
#endif

// .incbin rather than #embed: a compiler cache sees the former and steps aside, the latter it would serve
// stale.
__asm__(
    ".section .rodata\n"
    ".global conclave_page_begin\n"
    ".global conclave_page_end\n"
    "conclave_page_begin:\n"
    ".incbin \"" CONCLAVE_PAGE
    "\"\n"
    "conclave_page_end:\n"
    ".byte 0\n"
    ".previous\n");
extern "C" const char conclave_page_begin[];
extern "C" const char conclave_page_end[];

namespace conclave::gateway {
namespace {

std::string sha256_source(std::string_view body) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest;
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(body.data()), body.size());
  std::array<char, sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, sodium_base64_VARIANT_ORIGINAL)> text;
  sodium_bin2base64(text.data(), text.size(), digest.data(), digest.size(), sodium_base64_VARIANT_ORIGINAL);
  return "'sha256-" + std::string(text.data()) + "'";
}

std::string joined(const std::vector<std::string>& sources) {
  std::string out;
  for (auto& source : sources) out += " " + source;
  return out.empty() ? " 'none'" : out;
}

}  // namespace

std::string_view page_html() {
  return {conclave_page_begin, static_cast<std::size_t>(conclave_page_end - conclave_page_begin)};
}

std::vector<std::string> inline_hashes(std::string_view html, std::string_view element) {
  std::vector<std::string> out;
  const std::string open = "<" + std::string(element);
  const std::string close = "</" + std::string(element);
  for (std::size_t at = 0; (at = html.find(open, at)) != html.npos;) {
    std::size_t after = at + open.size();
    std::size_t begin = html.find('>', after);
    // "<styled" is another element than "<style".
    bool same = after < html.size() && (html[after] == '>' || html[after] == ' ' || html[after] == '\n');
    if (!same || begin == html.npos) {
      at = after;
      continue;
    }
    std::size_t end = html.find(close, begin + 1);
    if (end == html.npos) break;
    if (end > begin + 1) out.push_back(sha256_source(html.substr(begin + 1, end - begin - 1)));
    at = end + close.size();
  }
  return out;
}

std::string content_security_policy(std::string_view html, std::uint16_t port) {
  auto number = std::to_string(port);
  // 'self' covers ws: in Chromium and Firefox, not in every Safari; so the two are spelt out.
  return "default-src 'none'; script-src" + joined(inline_hashes(html, "script")) + "; style-src" +
         joined(inline_hashes(html, "style")) + "; connect-src 'self' ws://127.0.0.1:" + number +
         " ws://localhost:" + number +
         "; worker-src blob:; img-src 'self' data: blob:; media-src blob: data:; font-src data:; base-uri "
         "'none'; "
         "form-action 'none'; frame-ancestors 'none'";
}

}  // namespace conclave::gateway
