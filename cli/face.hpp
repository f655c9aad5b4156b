#pragma once
/// How an account shows itself: key, link, QR code.
#include <string>

namespace conclave::cli {

/// The QR code of `link`, with as many of its nodes to start from as fit `columns`; empty where not even the
/// bare key does.
std::string link_qr(const std::string& link, int columns);

}  // namespace conclave::cli
