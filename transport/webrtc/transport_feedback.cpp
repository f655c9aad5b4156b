#include "transport/webrtc/transport_feedback.hpp"

#include "crypto/ensure.hpp"
#include "transport/webrtc/big_endian.hpp"

namespace conclave::webrtc {
namespace {

enum Symbol : Byte { absent = 0, small_step = 1, large_step = 2, reserved = 3 };
constexpr std::size_t run_max = 0x1fff, vector_size = 7;

Symbol symbol_of(const std::optional<std::int16_t>& status) {
  if (!status) return absent;
  return *status >= 0 && *status <= 255 ? small_step : large_step;
}

/// Expands the chunks from `at` on until `count` symbols are there; moves `at` behind them.
Result<std::vector<Symbol>> read_symbols(ByteView body, std::size_t& at, std::size_t count) {
  std::vector<Symbol> out;
  out.reserve(count);
  while (out.size() < count) {
    if (body.size() < at + 2) return fail(Errc::malformed);
    auto chunk = be16(body.data() + at);
    at += 2;
    if ((chunk & 0x8000) == 0) {
      std::size_t run = std::min<std::size_t>(chunk & run_max, count - out.size());
      out.insert(out.end(), run, static_cast<Symbol>(chunk >> 13 & 3));
      if ((chunk & run_max) == 0) return fail(Errc::malformed);
      continue;
    }
    bool two_bits = (chunk & 0x4000) != 0;
    int bits = two_bits ? 2 : 1;
    for (int shift = 14 - bits; shift >= 0 && out.size() < count; shift -= bits) {
      out.push_back(static_cast<Symbol>(chunk >> shift & (two_bits ? 3 : 1)));
    }
  }
  return out;
}

}  // namespace

Result<TransportFeedback> read_transport_feedback(ByteView body) {
  if (body.size() < 16) return fail(Errc::malformed);
  TransportFeedback out;
  out.sender = be32(body.data());
  out.media = be32(body.data() + 4);
  out.base = be16(body.data() + 8);
  std::size_t count = be16(body.data() + 10);
  if (count > TransportFeedback::statuses_max) return fail(Errc::too_long);
  out.reference = be24(body.data() + 12);
  out.count = body[15];
  std::size_t at = 16;
  TRY(auto symbols, read_symbols(body, at, count));
  out.statuses.reserve(count);
  for (auto symbol : symbols) {
    switch (symbol) {
      case absent: out.statuses.emplace_back(); break;
      case small_step:
        if (body.size() < at + 1) return fail(Errc::malformed);
        out.statuses.emplace_back(body[at]);
        at += 1;
        break;
      case large_step:
        if (body.size() < at + 2) return fail(Errc::malformed);
        out.statuses.emplace_back(static_cast<std::int16_t>(be16(body.data() + at)));
        at += 2;
        break;
      case reserved: return fail(Errc::malformed);
    }
  }
  return out;
}

void write_transport_feedback(const TransportFeedback& feedback, Bytes& to) {
  ensure(feedback.statuses.size() <= TransportFeedback::statuses_max, "a feedback message has bounds");
  append32(to, feedback.sender);
  append32(to, feedback.media);
  append16(to, feedback.base);
  append16(to, feedback.statuses.size());
  append32(to, feedback.reference << 8 | feedback.count);

  auto& statuses = feedback.statuses;
  for (std::size_t i = 0; i < statuses.size();) {
    auto symbol = symbol_of(statuses[i]);
    std::size_t run = 1;
    while (i + run < statuses.size() && run < run_max && symbol_of(statuses[i + run]) == symbol) ++run;
    // A vector chunk carries seven symbols: a run pays from there on, or when it reaches the end.
    if (run >= vector_size || i + run == statuses.size()) {
      append16(to, static_cast<unsigned>(symbol) << 13 | run);
      i += run;
      continue;
    }
    unsigned chunk = 0xc000;
    for (std::size_t k = 0; k < vector_size; ++k, ++i) {
      auto here = i < statuses.size() ? symbol_of(statuses[i]) : absent;
      chunk |= static_cast<unsigned>(here) << (12 - 2 * k);
    }
    append16(to, chunk);
  }
  for (auto& status : statuses) {
    if (!status) continue;
    if (symbol_of(status) == small_step) to.push_back(static_cast<Byte>(*status));
    else append16(to, static_cast<std::uint16_t>(*status));
  }
  to.resize((to.size() + 3) & ~std::size_t{3});
}

}  // namespace conclave::webrtc
