// Errors and results, used by every module.
//
// An error has a stable dotted code (`store.disk_full`), says what failed and where, and what to do
// about it. Codes are public contract: scripts and documentation cite them. Each module declares
// its own in `<module>/errc.hpp`.
//
// Functions that can fail for a reason outside the program return Result<T>. Programmer errors are
// SYNCLINE_ASSERT. Handle an error or return it, never both; it is logged once, where it is
// handled. Concurrency: errors and results are values. [any]
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>

namespace syncline::core {

// What the failure means for trying again. Names match the classes that connectors report.
enum class ErrorClass {
    kConfig,       // the configuration or an argument is wrong: a person has to change it
    kEnvironment,  // port taken, disk full, permission: a person has to change the machine
    kTransient,    // may work later by itself
    kPermanent,    // will not work later
    kBug,          // ours or a connector's
};

// The exit code of the process when the error ends it (see `syncline --help`).
enum class ExitCode : int {
    kDone = 0,
    kRuntime = 1,
    kInvalidInput = 2,
    kEnvironment = 3,
    kDeadLetters = 4,
    kUnbalanced = 5,
};

// One row of a module's errc.hpp. Lives for ever (constexpr), compared by address of its name.
struct ErrorCode {
    const char* name;
    ErrorClass error_class;
    const char* remedy;  // the default advice; an Error may carry a better one
};

class [[nodiscard]] Error {
  public:
    // "No error": what Boost's result answers when error() is asked of a success.
    Error();
    Error(const ErrorCode& code, std::string what);
    Error(const ErrorCode& code, std::string what, std::string remedy);

    // Returns the error with a place in a file (`syncline.yaml:12:5`) or the like.
    Error at(std::string where) &&;

    std::string_view code() const { return code_->name; }
    bool is(const ErrorCode& code) const { return code_->name == std::string_view{code.name}; }
    ErrorClass error_class() const { return code_->error_class; }
    ExitCode exit_code() const;
    const std::string& what() const { return what_; }
    const std::string& where() const { return where_; }
    const std::string& remedy() const { return remedy_; }

    // `where: code: what (remedy)`, one line, for people.
    std::string to_string() const;

  private:
    const ErrorCode* code_;
    std::string what_;
    std::string where_;
    std::string remedy_;
};

template <class T>
using Result = boost::system::result<T, Error>;

// Found by Boost when value() is called on an error: that is a programmer error.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& at);

}  // namespace syncline::core

namespace syncline {
using core::Error;
using core::Result;
}  // namespace syncline

#define SYNCLINE_CONCAT_INNER(a, b) a##b
#define SYNCLINE_CONCAT(a, b) SYNCLINE_CONCAT_INNER(a, b)
#define SYNCLINE_TRY_INNER(result, declaration, expression)    \
    auto result = (expression);                                \
    if (!result.has_value()) return std::move(result).error(); \
    declaration = std::move(*result)

// SYNCLINE_TRY(auto x, f()); returns the error of f() from the enclosing function, or gives x its
// value.
#define SYNCLINE_TRY(declaration, expression) \
    SYNCLINE_TRY_INNER(SYNCLINE_CONCAT(syncline_result_, __COUNTER__), declaration, expression)

#define SYNCLINE_CHECK_INNER(result, expression)                                               \
    do {                                                                                       \
        if (auto result = (expression); !result.has_value()) return std::move(result).error(); \
    } while (false)

// SYNCLINE_CHECK(f()); the same for a Result<void>.
#define SYNCLINE_CHECK(expression) \
    SYNCLINE_CHECK_INNER(SYNCLINE_CONCAT(syncline_checked_, __COUNTER__), expression)
