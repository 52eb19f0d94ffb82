#include "intake/digest_text.hpp"

#include <string>

#include "core/secret.hpp"

namespace syncline::intake {

bool is_text_of(std::string_view claimed, std::string_view expected, core::TextEncoding encoding) {
    if (encoding == core::TextEncoding::kHex) {
        const auto decoded = core::from_hex(claimed);
        return decoded && core::equal_constant_time(*decoded, expected);
    }
    std::string text = core::to_text(expected, encoding);
    if (encoding == core::TextEncoding::kBase64Url && claimed.ends_with('='))
        text.resize((text.size() + 3) / 4 * 4, '=');
    return core::equal_constant_time(claimed, text);
}

}  // namespace syncline::intake
