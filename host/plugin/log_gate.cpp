#include "plugin/log_gate.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/redact.hpp"

namespace syncline::plugin {
namespace {

namespace json = boost::json;

constexpr double kBurst = 200;
constexpr double kPerSecond = 20;
constexpr std::size_t kSecretBytesMin = 4;  // shorter texts occur by chance

template <class Take>
void collect_secrets(const json::object& schema, const json::object& settings, const Take& take) {
    const json::value* properties = schema.if_contains("properties");
    if (properties == nullptr || !properties->is_object()) return;
    for (const auto& [name, value] : properties->get_object()) {
        const json::object* property = value.if_object();
        const json::value* setting = settings.if_contains(name);
        if (property == nullptr || setting == nullptr) continue;
        if (const json::object* nested = setting->if_object()) {
            collect_secrets(*property, *nested, take);
        }
        const json::value* mark = property->if_contains("writeOnly");
        const json::string* text = setting->if_string();
        if (mark && mark->is_bool() && mark->get_bool() && text) take(std::string_view{*text});
    }
}

// `Bearer TOKEN`: the platform may repeat the token alone.
std::string_view behind_scheme(std::string_view text) {
    const std::size_t space = text.find(' ');
    const bool is_pair =
        space != std::string_view::npos && text.find(' ', space + 1) == std::string_view::npos;
    return is_pair ? text.substr(space + 1) : std::string_view{};
}

}  // namespace

LogGate::LogGate(const core::Clock& clock, const json::object& schema, const json::object& settings)
    : clock_(clock), tokens_(kBurst), refilled_(clock.monotonic()) {
    collect_secrets(schema, settings, [this](std::string_view secret) {
        watches_.emplace_back(secret);
        watches_.emplace_back(behind_scheme(secret));
        if (secret.size() >= kSecretBytesMin && secret.size() < core::kWatchedBytesMin)
            short_secrets_.emplace_back(secret);
    });
}

bool LogGate::admit(std::uint64_t& suppressed) {
    const std::lock_guard lock{mutex_};
    const core::nanoseconds now = clock_.monotonic();
    const double passed_s = std::chrono::duration<double>(now - refilled_).count();
    tokens_ = std::min(kBurst, tokens_ + passed_s * kPerSecond);
    refilled_ = now;
    if (tokens_ < 1) {
        ++suppressed_;
        return false;
    }
    tokens_ -= 1;
    suppressed = std::exchange(suppressed_, 0);
    return true;
}

std::string LogGate::without_secrets(std::string text, core::TextEnd end) const {
    text = core::redact(std::move(text), end);
    for (const core::Secret& secret : short_secrets_) {
        const std::string_view value = secret.reveal();
        // constant-time: of a log line, which nobody times.
        for (std::size_t at = 0; (at = text.find(value, at)) != std::string::npos;) {
            text.replace(at, value.size(), core::kRedacted);
            at += core::kRedacted.size();
        }
    }
    return text;
}

}  // namespace syncline::plugin
