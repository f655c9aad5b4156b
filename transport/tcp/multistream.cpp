#include "transport/tcp/multistream.hpp"

#include "crypto/codec/varint.hpp"

namespace conclave::tcp {
namespace {
constexpr std::string_view not_available = "na";
}

Bytes encode_multistream(std::string_view line) {
  Bytes out;
  codec::append_varint(out, line.size() + 1);
  append(out, view(line));
  out.push_back('\n');
  return out;
}

Result<MultistreamReader::Taken> MultistreamReader::take(ByteView in) {
  Taken out;
  while (!length_) {
    if (out.bytes == in.size()) return out;
    pending_.push_back(in[out.bytes++]);
    TRY(auto length, codec::read_varint(pending_));
    if (!length) continue;
    if (length->value == 0) return fail(Errc::malformed);
    if (length->value > multistream_line_max) return fail(Errc::too_long);
    length_ = static_cast<std::size_t>(length->value);
    pending_.clear();
  }
  auto more = std::min(*length_ - pending_.size(), in.size() - out.bytes);
  append(pending_, in.subspan(out.bytes, more));
  out.bytes += more;
  if (pending_.size() < *length_) return out;
  if (pending_.back() != '\n') return fail(Errc::malformed);
  out.line = std::string(text(pending_).substr(0, pending_.size() - 1));
  pending_.clear();
  length_.reset();
  return out;
}

Proposal::Proposal(std::string protocol) : protocol_(std::move(protocol)) {}

Bytes Proposal::opening() const {
  Bytes out = encode_multistream(multistream_header);
  append(out, encode_multistream(protocol_));
  return out;
}

Result<std::size_t> Proposal::receive(ByteView in) {
  std::size_t used = 0;
  while (!agreed_) {
    TRY(auto taken, reader_.take(in.subspan(used)));
    used += taken.bytes;
    if (!taken.line) break;
    if (!greeted_) {
      if (*taken.line != multistream_header) return fail(Errc::malformed);
      greeted_ = true;
    } else if (*taken.line == protocol_) {
      agreed_ = true;
    } else {
      return fail(*taken.line == not_available ? Errc::unsupported : Errc::malformed);
    }
  }
  return used;
}

Result<std::size_t> Choice::receive(ByteView in) {
  std::size_t used = 0;
  while (!chosen_) {
    TRY(auto taken, reader_.take(in.subspan(used)));
    used += taken.bytes;
    if (!taken.line) break;
    CHECK(hear(std::move(*taken.line)));
  }
  return used;
}

Result<> Choice::hear(std::string line) {
  if (!greeted_) {
    if (line != multistream_header) return fail(Errc::malformed);
    greeted_ = true;
    append(reply_, encode_multistream(multistream_header));
    return {};
  }
  if (++proposals_ > proposals_max) return fail(Errc::limit_reached);
  // `ls`, a question that nobody asks any more, is a name like any other that we do not speak.
  if (line.size() > protocol_name_max || !speaks_(line)) {
    append(reply_, encode_multistream(not_available));
    return {};
  }
  append(reply_, encode_multistream(line));
  chosen_ = std::move(line);
  return {};
}

}  // namespace conclave::tcp
