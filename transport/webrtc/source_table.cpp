#include "transport/webrtc/source_table.hpp"

namespace conclave::webrtc {

const SourceTable::Source* SourceTable::hear(const RtpHeader& header, const RtpExtensions& extensions,
                                             bool retransmission) {
  auto found = sources_.find(header.ssrc);
  auto rid = retransmission && !extensions.repaired_rid.empty() ? extensions.repaired_rid : extensions.rid;
  if (found == sources_.end()) {
    if (extensions.mid.empty() || sources_.size() >= sources_max) return nullptr;
    found = sources_.emplace(header.ssrc, Source{std::string(extensions.mid), std::string(rid), retransmission}).first;
    link(header.ssrc, found->second);
    return &found->second;
  }
  auto& source = found->second;
  bool changed = (!extensions.mid.empty() && extensions.mid != source.mid) || (!rid.empty() && rid != source.rid);
  if (changed) {
    if (!extensions.mid.empty()) source.mid = extensions.mid;
    if (!rid.empty()) source.rid = rid;
    link(header.ssrc, source);
  }
  if (source.retransmission && source.repairs == 0) link(header.ssrc, source);
  return &source;
}

/// Joins a stream with its retransmissions. The newest SSRC of a name takes the name.
void SourceTable::link(std::uint32_t ssrc, Source& source) {
  for (auto& [other_ssrc, other] : sources_) {
    if (other_ssrc == ssrc || other.mid != source.mid || other.rid != source.rid) continue;
    if (other.retransmission == source.retransmission) other.mid.clear();
    else if (source.retransmission) source.repairs = other_ssrc;
    else other.repairs = ssrc;
  }
}

const SourceTable::Source* SourceTable::find(std::uint32_t ssrc) const {
  auto found = sources_.find(ssrc);
  return found == sources_.end() ? nullptr : &found->second;
}

std::uint32_t SourceTable::ssrc_of(std::string_view mid, std::string_view rid) const {
  for (auto& [ssrc, source] : sources_) {
    if (!source.retransmission && source.mid == mid && source.rid == rid) return ssrc;
  }
  return 0;
}

}  // namespace conclave::webrtc
