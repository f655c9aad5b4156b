#pragma once
/// The page that the node serves at `/`: web/dist/index.html, built into the program, one file that needs no
/// other. Its content security policy is made from its own inline scripts and styles.
#include <string>
#include <string_view>
#include <vector>

namespace conclave::gateway {

std::string_view page_html();

/// CSP source expressions, `'sha256-…'`, of what stands inside each `<element …>` of `html`: what the page
/// brings along may run, what somebody slips into it later may not.
std::vector<std::string> inline_hashes(std::string_view html, std::string_view element);

/// The Content-Security-Policy of a page served on `port` of this machine. It can talk to its own node and to
/// nobody else; WebRTC is not governed by it.
std::string content_security_policy(std::string_view html, std::uint16_t port);

}  // namespace conclave::gateway
