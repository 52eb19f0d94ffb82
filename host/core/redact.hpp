// Keeps secrets out of what the process says.
//
// A value that is watched is looked for in every text on its way out (log, errors, the operator's
// API, metrics, what is kept of a connector's words), and `[redacted]` stands in its place. It is
// found in these forms: as it is; base64 and base64url, also within longer data (each of the three
// alignments); hexadecimal in either case; percent-encoded; escaped for JSON and HTML; and line by
// line when it has several.
//
// Limits: values under 8 bytes are not watched, as they occur by chance; two encodings on top of
// each other, other escapes of JSON (\uXXXX of letters) and base64 with line breaks are not known.
// Costs: three nanoseconds for each byte that is searched, also with hundreds of values.
// Memory: the registry keeps no value, only keyed digests.
// Concurrency: [any]
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace syncline::core {

inline constexpr std::string_view kRedacted = "[redacted]";
inline constexpr std::size_t kWatchedBytesMin = 8;

// The value is watched as long as this or a copy of it lives. It does not hold the value. Who owns
// a Secret calls Secret::watch() instead.
class Watch {
  public:
    Watch() = default;
    explicit Watch(std::string_view value);

  private:
    std::shared_ptr<const void> registration_;
};

// Whether the text may end in the middle of a value because somebody has cut it; then a beginning
// of 8 bytes at its end is hidden, too.
enum class TextEnd { kWhole, kCut };

std::string redact(std::string text, TextEnd end = TextEnd::kWhole);
bool has_secret(std::string_view text);

// Whether a header or parameter of that name holds a secret, whatever its value is: Authorization,
// Cookie, X-Signature, access_token, code, ...
bool is_secret_name(std::string_view name);

// The query of an URL, for people: without the values of parameters that have a secret's name or
// are just called `key`, and without what is watched.
std::string redact_query(std::string_view query);

}  // namespace syncline::core
