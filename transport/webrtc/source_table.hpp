#pragma once
/// Which SSRC of a page is which stream: learned from the MID and RID extensions of the first packets (RFC 9143,
/// RFC 8852), after which browsers leave them out.
#include <map>
#include <string>

#include "transport/webrtc/rtp.hpp"

namespace conclave::webrtc {

class SourceTable {
 public:
  /// Three m-lines of three layers with retransmissions are 18; a page that restarts its sender uses new ones.
  static constexpr std::size_t sources_max = 64;

  struct Source {
    std::string mid, rid;       ///< empty rid: not simulcast
    bool retransmission = false;
    std::uint32_t repairs = 0;  ///< SSRC of the stream that a retransmission belongs to, 0 while unknown
  };

  /// The source of a packet; null while it has not said which it is (then it cannot be used), or when there are
  /// too many. A packet with a mid moves its SSRC there.
  const Source* hear(const RtpHeader& header, const RtpExtensions& extensions, bool retransmission);
  const Source* find(std::uint32_t ssrc) const;
  /// The SSRC that currently carries a stream; 0 for none.
  std::uint32_t ssrc_of(std::string_view mid, std::string_view rid) const;
  void forget(std::uint32_t ssrc) { sources_.erase(ssrc); }

 private:
  void link(std::uint32_t ssrc, Source& source);
  std::map<std::uint32_t, Source> sources_;
};

}  // namespace conclave::webrtc
