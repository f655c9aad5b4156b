#pragma once
/// The body of a transport-wide feedback message: packet chunks and receive deltas.
/// Spec: draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.
#include "transport/webrtc/rtcp.hpp"

namespace conclave::webrtc {

/// `body` starts at the sender's SSRC. Fails with Errc::malformed; Errc::too_long above `statuses_max`.
Result<TransportFeedback> read_transport_feedback(ByteView body);
/// Appends the body, padded to whole words.
void write_transport_feedback(const TransportFeedback& feedback, Bytes& to);

}  // namespace conclave::webrtc
