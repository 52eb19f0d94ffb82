#include "plugin/answer.hpp"

#include <algorithm>

#include "core/hash.hpp"
#include "core/utf8.hpp"
#include "plugin/copy_in.hpp"

namespace syncline::plugin {
namespace {

constexpr std::size_t kRequestShownBytesMax = 1024;
constexpr std::size_t kContentTypeBytesMax = 256;
// Secrets are looked for in more than is kept: one that stands across the end must not leave a part
// of itself.
constexpr std::size_t kSearchedBytes = 2 * kAnswerBodyBytesMax;

// Cut between two characters; a byte that belongs to none is spelled \xNN.
std::string readable(std::string_view text, std::size_t bytes_max) {
    std::string result;
    while (!text.empty()) {
        const std::size_t length = core::utf8_length(text, 0);
        const std::string shown{length == 0 ? "\\x" + core::to_hex(text.substr(0, 1))
                                            : std::string{text.substr(0, length)}};
        if (result.size() + shown.size() > bytes_max) break;
        result += shown;
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return result;
}

std::string without_user_and_query(std::string_view request) {
    std::string shown{request.substr(0, request.find_first_of("?#"))};
    if (const std::size_t scheme = shown.find("://"); scheme != std::string::npos) {
        const std::size_t host = scheme + 3;
        const std::size_t user_end = shown.substr(0, shown.find('/', host)).rfind('@');
        if (user_end != std::string::npos && user_end >= host) {
            shown.erase(host, user_end + 1 - host);
        }
    }
    return shown;
}

}  // namespace

PlatformAnswer make_answer(std::string_view request, const HttpReply& reply, const LogGate& gate) {
    const auto kept = [&](std::string_view text, std::size_t bytes_max) {
        const core::TextEnd end =
            text.size() > kSearchedBytes ? core::TextEnd::kCut : core::TextEnd::kWhole;
        return readable(gate.without_secrets(std::string{text.substr(0, kSearchedBytes)}, end),
                        bytes_max);
    };
    PlatformAnswer answer;
    answer.request = kept(without_user_and_query(request), kRequestShownBytesMax);
    answer.status = reply.status;
    const auto type =
        std::find_if(reply.headers.begin(), reply.headers.end(),
                     [](const auto& header) { return header.first == "content-type"; });
    if (type != reply.headers.end()) answer.content_type = kept(type->second, kContentTypeBytesMax);
    answer.body = kept(reply.body, kAnswerBodyBytesMax);
    answer.body_bytes = reply.body.size();
    return answer;
}

}  // namespace syncline::plugin
