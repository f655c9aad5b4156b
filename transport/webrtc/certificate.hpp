#pragma once
/// The node's WebRTC certificate: a self-made ECDSA P-256 one, known by its SHA-256 fingerprint alone (RFC 8122
/// section 5), which is what links carry. Its owner keeps it across restarts so that links live.
#include "crypto/secret.hpp"

namespace conclave::webrtc {

using Fingerprint = Fixed<struct FingerprintTag, 32>;  ///< SHA-256 of a certificate's DER

struct Certificate {
  Bytes der;      ///< X.509
  Bytes key_der;  ///< PKCS #8; secret: keep it as the node key is kept

  /// A fresh one. Key and serial number come from OpenSSL's generator. It names nobody and never expires:
  /// browsers look at the fingerprint only, and dates would say when the node was set up.
  static Certificate make();
  Fingerprint fingerprint() const;
};

/// `sha-256 AB:CD:…`, as SDP's a=fingerprint writes it.
std::string sdp_fingerprint(const Fingerprint& fingerprint);

}  // namespace conclave::webrtc
