#include "app/crash_notes.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "app/errc.hpp"
#include "core/log.hpp"
#include "core/replace_file.hpp"

namespace syncline::app {
namespace {

constexpr std::size_t kNotesBytesMax = 4 * 1024 * 1024;

boost::json::value to_json(const CrashNotes::Death& death) {
    boost::json::array subjects;
    for (const plugin::Subject& subject : death.crash.subjects)
        subjects.push_back({subject.event, subject.index, subject.connection});
    boost::json::object object;
    object["at_ns"] = death.at_ns;
    object["connector"] = death.crash.connector;
    object["version"] = death.crash.version;
    object["sha256"] = death.crash.sha256_hex;
    object["account"] = death.crash.account;
    object["call"] = death.crash.call;
    object["cause"] = death.crash.cause;
    object["messages"] = std::move(subjects);
    return object;
}

// Throws what Boost.JSON throws.
CrashNotes::Death to_death(const boost::json::value& value) {
    const auto text = [&](const char* name) {
        return boost::json::value_to<std::string>(value.at(name));
    };
    CrashNotes::Death death;
    death.at_ns = value.at("at_ns").to_number<std::int64_t>();
    death.crash = {text("connector"),
                   text("version"),
                   text("sha256"),
                   text("account"),
                   text("call"),
                   text("cause"),
                   {}};
    for (const boost::json::value& message : value.at("messages").as_array())
        death.crash.subjects.push_back({message.at(0).to_number<std::uint64_t>(),
                                        message.at(1).to_number<std::uint32_t>(),
                                        message.at(2).to_number<std::uint32_t>()});
    return death;
}

std::vector<CrashNotes::Death> read_deaths(const std::filesystem::path& file) {
    std::ifstream stream{file, std::ios::binary};
    if (!stream) return {};
    std::string text(kNotesBytesMax + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    try {
        if (text.size() > kNotesBytesMax) throw std::length_error{"it is too large"};
        const boost::json::value notes = boost::json::parse(text);
        std::vector<CrashNotes::Death> deaths;
        for (const boost::json::value& death : notes.at("deaths").as_array())
            deaths.push_back(to_death(death));
        return deaths;
    } catch (const std::exception& error) {
        core::log_warning("app", "the notes of crashes can't be read; they begin anew",
                          {{"file", file.string()}, {"why", error.what()}});
        return {};
    }
}

std::string sentence(const plugin::Crash& crash) {
    const std::string who = crash.connector + ' ' + crash.version;
    if (!crash.cause.empty())
        return who + " ended the hub's process in " + crash.call + ": " + crash.cause;
    return "the hub's process ended without a trace while " + who + " was in " + crash.call + ", " +
           std::to_string(kDeathsWithoutTrace) + " times";
}

}  // namespace

CrashNotes::CrashNotes(std::filesystem::path file)
    : file_(std::move(file)), deaths_(read_deaths(file_)) {}

Result<void> CrashNotes::add(std::vector<plugin::Crash> crashes, std::int64_t now_ns) {
    if (crashes.empty()) return {};
    const std::lock_guard lock{mutex_};
    for (plugin::Crash& crash : crashes) {
        const bool is_known = !crash.cause.empty();
        core::log(is_known ? core::LogLevel::kError : core::LogLevel::kWarning, "app",
                  is_known ? "a connector ended the hub's process"
                           : "the hub's process ended while a connector was at work",
                  {{"connector", crash.connector},
                   {"version", crash.version},
                   {"sha256", crash.sha256_hex},
                   {"account", crash.account},
                   {"call", crash.call},
                   {"cause", crash.cause},
                   {"messages", crash.subjects.size()}});
        deaths_.push_back({now_ns, std::move(crash)});
    }
    if (deaths_.size() > kDeathsKept)
        deaths_.erase(deaths_.begin(),
                      deaths_.begin() + static_cast<std::ptrdiff_t>(deaths_.size() - kDeathsKept));
    return save();
}

std::vector<CrashNotes::Death> CrashNotes::deaths() const {
    const std::lock_guard lock{mutex_};
    return deaths_;
}

pipeline::Suspects::Sentences CrashNotes::sentences() const {
    const std::lock_guard lock{mutex_};
    pipeline::Suspects::Sentences sentences;
    std::map<plugin::Subject, std::size_t> times;
    for (const Death& death : deaths_) {
        for (const plugin::Subject& subject : death.crash.subjects) {
            const bool is_enough =
                !death.crash.cause.empty() || ++times[subject] >= kDeathsWithoutTrace;
            if (is_enough) sentences[subject] = sentence(death.crash);
        }
    }
    return sentences;
}

void CrashNotes::forget(std::span<const plugin::Subject> subjects) {
    const std::set<plugin::Subject> over{subjects.begin(), subjects.end()};
    const std::lock_guard lock{mutex_};
    for (Death& death : deaths_)
        std::erase_if(death.crash.subjects, [&](const auto& each) { return over.contains(each); });
    const Result<void> saved = save();
    if (!saved) core::log_error("app", saved.error());
}

Result<void> CrashNotes::save() const {
    boost::json::array deaths;
    for (const Death& death : deaths_) deaths.push_back(to_json(death));
    const std::string text = boost::json::serialize(boost::json::object{{"deaths", deaths}}) + '\n';
    if (const int error = core::replace_file(file_, text); error != 0)
        return Error{kCrashNotesFailed,
                     "can't write `" + file_.string() + "`: " + std::strerror(error)};
    return {};
}

}  // namespace syncline::app
