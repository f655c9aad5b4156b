#include "transport/webrtc/srtp.hpp"

#include <openssl/evp.h>

#include "crypto/ensure.hpp"
#include "transport/webrtc/big_endian.hpp"
#include "transport/webrtc/rtp.hpp"

namespace conclave::webrtc {
namespace {

constexpr std::size_t tag_size = 16;

/// RFC 3711 section 4.3: AES in counter mode over zeros. The label sits above a 48-bit zero in a 112-bit salt
/// whose last two bytes are zero for this cipher (RFC 7714 section 11).
void derive(const SrtpKeys& master, Byte label, MutableBytes out) {
  std::array<Byte, 16> counter{};
  std::copy_n(master.salt.data(), 12, counter.begin());
  counter[7] ^= label;
  const std::array<Byte, 16> zeros{};
  ensure(out.size() <= zeros.size(), "one block of key stream is enough");
  std::array<Byte, 16> block;
  int size = 0;
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  ensure(EVP_EncryptInit_ex(context.get(), EVP_aes_128_ctr(), nullptr, master.key.data(), counter.data()) == 1 &&
             EVP_EncryptUpdate(context.get(), block.data(), &size, zeros.data(), 16) == 1,
         "AES in counter mode works");
  std::copy_n(block.begin(), out.size(), out.begin());
  wipe(block);
}

}  // namespace

struct SrtpCipher::Context {
  EVP_CIPHER_CTX* evp = EVP_CIPHER_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_CIPHER_CTX_free(evp); }
};

SrtpCipher::SrtpCipher(const SrtpKeys& master, Byte key_label, Byte salt_label, Direction direction)
    : context_(std::make_unique<Context>()) {
  Secret<16> key;
  derive(master, key_label, key.span());
  derive(master, salt_label, salt_);
  auto init = direction == Direction::seal ? EVP_EncryptInit_ex : EVP_DecryptInit_ex;
  ensure(init(context_->evp, EVP_aes_128_gcm(), nullptr, key.data(), nullptr) == 1, "AES-GCM works");
}
SrtpCipher::SrtpCipher(SrtpCipher&&) noexcept = default;
SrtpCipher::~SrtpCipher() { wipe(salt_); }

SrtpCipher::Iv SrtpCipher::iv(std::uint32_t ssrc, std::uint64_t index) const {
  Iv out{};
  put32(out.data() + 2, ssrc);
  put16(out.data() + 6, index >> 32);
  put32(out.data() + 8, index);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] ^= salt_[i];
  return out;
}

void SrtpCipher::seal(const Iv& iv, ByteView additional, ByteView clear, Byte* out) {
  auto* evp = context_->evp;
  int size = 0;
  bool ok = EVP_EncryptInit_ex(evp, nullptr, nullptr, nullptr, iv.data()) == 1 &&
            EVP_EncryptUpdate(evp, nullptr, &size, additional.data(), static_cast<int>(additional.size())) == 1 &&
            (clear.empty() ||
             EVP_EncryptUpdate(evp, out, &size, clear.data(), static_cast<int>(clear.size())) == 1) &&
            EVP_EncryptFinal_ex(evp, out + clear.size(), &size) == 1 &&
            EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_GET_TAG, tag_size, out + clear.size()) == 1;
  ensure(ok, "sealing with AES-GCM works");
}

bool SrtpCipher::open(const Iv& iv, ByteView additional, ByteView sealed, Byte* out) {
  auto* evp = context_->evp;
  auto text_size = sealed.size() - tag_size;
  std::array<Byte, tag_size> tag;
  std::copy_n(sealed.begin() + static_cast<std::ptrdiff_t>(text_size), tag_size, tag.begin());
  int size = 0;
  return EVP_DecryptInit_ex(evp, nullptr, nullptr, nullptr, iv.data()) == 1 &&
         EVP_DecryptUpdate(evp, nullptr, &size, additional.data(), static_cast<int>(additional.size())) == 1 &&
         (text_size == 0 ||
          EVP_DecryptUpdate(evp, out, &size, sealed.data(), static_cast<int>(text_size)) == 1) &&
         EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) == 1 &&
         EVP_DecryptFinal_ex(evp, out + text_size, &size) == 1;
}

std::uint64_t guess_srtp_index(std::uint64_t highest, std::uint16_t sequence) {
  auto step = static_cast<std::int16_t>(static_cast<std::uint16_t>(sequence - static_cast<std::uint16_t>(highest)));
  if (step < 0 && highest < static_cast<std::uint64_t>(-step)) return sequence;
  return highest + static_cast<std::uint64_t>(static_cast<std::int64_t>(step));
}

SrtpSender::SrtpSender(const SrtpKeys& keys)
    : rtp_(keys, 0, 2, SrtpCipher::Direction::seal), rtcp_(keys, 3, 5, SrtpCipher::Direction::seal) {}

Result<std::size_t> SrtpSender::protect_rtp(MutableBytes buffer, std::size_t size) {
  ensure(buffer.size() >= size + srtp_overhead, "room for the tag");
  TRY(auto header_size, rtp_header_size(buffer.first(size)));
  auto sequence = be16(buffer.data() + 2);
  auto ssrc = be32(buffer.data() + 8);
  auto found = streams_.find(ssrc);
  if (found == streams_.end()) {
    if (streams_.size() >= SrtpReceiver::streams_max) return fail(Errc::limit_reached);
    found = streams_.emplace(ssrc, Stream{sequence}).first;
  }
  auto index = guess_srtp_index(found->second.highest, sequence);
  found->second.highest = std::max(found->second.highest, index);
  auto header = buffer.first(header_size);
  auto clear = buffer.subspan(header_size, size - header_size);
  rtp_.seal(rtp_.iv(ssrc, index), header, clear, clear.data());
  return size + srtp_overhead;
}

Result<std::size_t> SrtpSender::protect_rtcp(MutableBytes buffer, std::size_t size) {
  ensure(buffer.size() >= size + srtcp_overhead, "room for tag and index");
  if (size < 8) return fail(Errc::malformed);
  if (rtcp_index_ == 0x7fffffff) return fail(Errc::limit_reached);
  ++rtcp_index_;
  auto ssrc = be32(buffer.data() + 4);
  std::array<Byte, 12> additional;
  std::copy_n(buffer.begin(), 8, additional.begin());
  put32(additional.data() + 8, 0x80000000U | rtcp_index_);
  auto clear = buffer.subspan(8, size - 8);
  rtcp_.seal(rtcp_.iv(ssrc, rtcp_index_), additional, clear, clear.data());
  std::copy_n(additional.begin() + 8, 4, buffer.begin() + static_cast<std::ptrdiff_t>(size + tag_size));
  return size + srtcp_overhead;
}

SrtpReceiver::SrtpReceiver(const SrtpKeys& keys)
    : rtp_(keys, 0, 2, SrtpCipher::Direction::open), rtcp_(keys, 3, 5, SrtpCipher::Direction::open) {}

Result<std::size_t> SrtpReceiver::unprotect_rtp(ByteView packet, MutableBytes out) {
  TRY(auto header_size, rtp_header_size(packet));
  if (packet.size() < header_size + srtp_overhead) return fail(Errc::malformed);
  ensure(out.size() >= packet.size(), "room for the opened packet");
  auto sequence = be16(packet.data() + 2);
  auto ssrc = be32(packet.data() + 8);
  auto found = streams_.find(ssrc);
  bool known = found != streams_.end();
  auto index = known ? guess_srtp_index(found->second.highest(), sequence) : sequence;
  if (known && !found->second.fresh(index)) return fail(Errc::refused);

  auto header = packet.first(header_size);
  auto sealed = packet.subspan(header_size);
  auto* payload = out.data() + header_size;
  bool in_place = payload == sealed.data();
  bool ok = rtp_.open(rtp_.iv(ssrc, index), header, sealed, payload);
  // The first packet that we hear may lie behind a wrap that we missed: one more guess, unless the failed
  // attempt has overwritten its own input.
  if (!ok && !known && sequence < 0x8000 && !in_place) {
    index = 0x10000U + sequence;
    ok = rtp_.open(rtp_.iv(ssrc, index), header, sealed, payload);
  }
  if (!ok) return fail(Errc::undecryptable);
  if (!known) {
    if (streams_.size() >= streams_max) return fail(Errc::limit_reached);
    found = streams_.emplace(ssrc, ReplayWindow()).first;
  }
  found->second.mark(index);
  if (!in_place) std::copy(header.begin(), header.end(), out.begin());
  return packet.size() - srtp_overhead;
}

Result<std::size_t> SrtpReceiver::unprotect_rtcp(ByteView packet, MutableBytes out) {
  if (packet.size() < 8 + srtcp_overhead) return fail(Errc::malformed);
  ensure(out.size() >= packet.size(), "room for the opened packet");
  auto word = be32(packet.data() + packet.size() - 4);
  if ((word & 0x80000000U) == 0) return fail(Errc::unsupported);  // an authenticated but clear packet
  auto index = word & 0x7fffffffU;
  auto ssrc = be32(packet.data() + 4);
  auto found = rtcp_seen_.find(ssrc);
  if (found != rtcp_seen_.end() && !found->second.fresh(index)) return fail(Errc::refused);
  std::array<Byte, 12> additional;
  std::copy_n(packet.begin(), 8, additional.begin());
  put32(additional.data() + 8, word);
  auto sealed = packet.subspan(8, packet.size() - 12);
  if (!rtcp_.open(rtcp_.iv(ssrc, index), additional, sealed, out.data() + 8)) return fail(Errc::undecryptable);
  if (found == rtcp_seen_.end()) {
    if (rtcp_seen_.size() >= streams_max) return fail(Errc::limit_reached);
    found = rtcp_seen_.emplace(ssrc, ReplayWindow()).first;
  }
  found->second.mark(index);
  std::copy_n(additional.begin(), 8, out.begin());
  return packet.size() - srtcp_overhead;
}

}  // namespace conclave::webrtc
