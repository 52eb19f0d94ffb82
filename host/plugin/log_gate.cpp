#include "plugin/log_gate.hpp"

#include <algorithm>
#include <utility>

namespace syncline::plugin {
namespace {

namespace json = boost::json;

constexpr double kBurst = 200;
constexpr double kPerSecond = 20;
constexpr std::size_t kSecretBytesMin = 4;  // shorter texts occur by chance

void collect_secrets(const json::object& schema, const json::object& settings,
                     std::vector<std::string>& secrets) {
    const json::value* properties = schema.if_contains("properties");
    if (properties == nullptr || !properties->is_object()) return;
    for (const auto& [name, value] : properties->get_object()) {
        const json::object* property = value.if_object();
        const json::value* setting = settings.if_contains(name);
        if (property == nullptr || setting == nullptr) continue;
        if (const json::object* nested = setting->if_object()) {
            collect_secrets(*property, *nested, secrets);
        }
        const json::value* mark = property->if_contains("writeOnly");
        const json::string* text = setting->if_string();
        if (mark && mark->is_bool() && mark->get_bool() && text &&
            text->size() >= kSecretBytesMin) {
            secrets.emplace_back(*text);
        }
    }
}

}  // namespace

LogGate::LogGate(const core::Clock& clock, const json::object& schema, const json::object& settings)
    : clock_(clock), tokens_(kBurst), refilled_(clock.monotonic()) {
    collect_secrets(schema, settings, secrets_);
    // Longest first: one secret may hold another.
    std::sort(secrets_.begin(), secrets_.end(),
              [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
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

std::string LogGate::without_secrets(std::string text) const {
    for (const std::string& secret : secrets_) {
        for (std::size_t at = text.find(secret); at != std::string::npos;
             at = text.find(secret, at)) {
            text.replace(at, secret.size(), "***");
            at += 3;
        }
    }
    return text;
}

}  // namespace syncline::plugin
