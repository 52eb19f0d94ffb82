#include "checker/process_facts.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <cstring>
#include <filesystem>

namespace syncline::checker {
namespace {

std::set<std::string> open_descriptors() {
    std::set<std::string> all;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd", failed}) {
        const auto target = std::filesystem::read_symlink(entry.path(), failed);
        // The one that reads this folder is not there afterwards.
        if (target.string().find("/fd") == std::string::npos)
            all.insert(entry.path().filename().string() + " -> " + target.string());
    }
    return all;
}

std::string surroundings_now() {
    std::error_code failed;
    const mode_t mask = ::umask(0);
    ::umask(mask);
    std::string all = "folder " + std::filesystem::current_path(failed).string() + ", umask " +
                      std::to_string(mask) + ", locale ";
    const char* locale = std::setlocale(LC_ALL, nullptr);
    all += locale != nullptr ? locale : "";
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
        all.append("\n").append(*variable);
    return all;
}

}  // namespace

ProcessFacts ProcessFacts::now() {
    ProcessFacts facts;
    std::error_code failed;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator{"/proc/self/task", failed}) {
        ++facts.threads;
    }
    facts.descriptors = open_descriptors();
    for (int signal = 1; signal < NSIG; ++signal)
        ::sigaction(signal, nullptr, &facts.handlers[static_cast<std::size_t>(signal)]);
    facts.surroundings = surroundings_now();
    return facts;
}

std::string ProcessFacts::threads_difference(const ProcessFacts& later) const {
    if (later.threads <= threads) return {};
    return "left " + std::to_string(later.threads - threads) + " thread(s) running";
}

std::string ProcessFacts::descriptors_difference(const ProcessFacts& later) const {
    for (const std::string& descriptor : later.descriptors) {
        if (!descriptors.contains(descriptor)) return "left a descriptor open: " + descriptor;
    }
    return {};
}

std::string ProcessFacts::handlers_difference(const ProcessFacts& later) const {
    for (std::size_t signal = 1; signal < handlers.size(); ++signal) {
        if (handlers[signal].sa_handler != later.handlers[signal].sa_handler) {
            return std::string{"changed the handler of the signal "} +
                   ::strsignal(static_cast<int>(signal));
        }
    }
    return {};
}

std::string ProcessFacts::surroundings_difference(const ProcessFacts& later) const {
    if (surroundings == later.surroundings) return {};
    return "changed the working directory, the umask, the locale or the environment";
}

std::string ProcessFacts::difference(const ProcessFacts& later) const {
    for (const auto& part : {threads_difference(later), descriptors_difference(later),
                             handlers_difference(later), surroundings_difference(later)}) {
        if (!part.empty()) return part;
    }
    return {};
}

}  // namespace syncline::checker
