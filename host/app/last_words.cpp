#include "app/last_words.hpp"

#include <boost/system/system_error.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include "app/errc.hpp"
#include "core/log.hpp"
#include "core/redact.hpp"

namespace syncline::app {
namespace {

// Says nothing that needs memory.
[[noreturn]] void end(const char* what) {
    std::fprintf(stderr, "syncline: %s: %s (%s)\n", kOutOfResources.name, what,
                 kOutOfResources.remedy);
    std::_Exit(static_cast<int>(core::ExitCode::kEnvironment));
}

void say_bug(const std::exception& error) {
    const std::string what = core::escape_controls(core::redact(error.what()));
    std::fprintf(stderr, "syncline: a bug: %s\n", what.c_str());
}

bool is_lack(int code) {
    return code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE;
}

[[noreturn]] void speak_and_end() {
    if (std::current_exception() == nullptr) std::abort();
    try {
        throw;
    } catch (const std::bad_alloc&) {
        end("there is no memory");
    } catch (const std::system_error& error) {
        if (is_lack(error.code().value())) end("the system gives no thread or descriptor");
        say_bug(error);
    } catch (const boost::system::system_error& error) {
        if (is_lack(error.code().value())) end("the system gives no thread or descriptor");
        say_bug(error);
    } catch (const std::exception& error) {
        say_bug(error);
    } catch (...) {
        std::fputs("syncline: a bug: something was thrown\n", stderr);
    }
    std::abort();
}

}  // namespace

void install_last_words() {
    std::set_terminate(speak_and_end);
}

}  // namespace syncline::app
