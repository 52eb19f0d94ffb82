#include "core/error.hpp"

#include <utility>

#include "core/assert.hpp"

namespace syncline::core {
namespace {

constexpr ErrorCode kNoError{"core.none", ErrorClass::kBug, ""};

}  // namespace

Error::Error() : code_(&kNoError) {}

Error::Error(const ErrorCode& code, std::string what)
    : code_(&code), what_(std::move(what)), remedy_(code.remedy) {}

Error::Error(const ErrorCode& code, std::string what, std::string remedy)
    : code_(&code), what_(std::move(what)), remedy_(std::move(remedy)) {}

Error Error::at(std::string where) && {
    where_ = std::move(where);
    return std::move(*this);
}

ExitCode Error::exit_code() const {
    switch (code_->error_class) {
        case ErrorClass::kConfig:
            return ExitCode::kInvalidInput;
        case ErrorClass::kEnvironment:
            return ExitCode::kEnvironment;
        case ErrorClass::kTransient:
        case ErrorClass::kPermanent:
        case ErrorClass::kBug:
            return ExitCode::kRuntime;
    }
    return ExitCode::kRuntime;
}

std::string Error::to_string() const {
    std::string text;
    if (!where_.empty()) text += where_ + ": ";
    text += std::string{code()} + ": " + what_;
    if (!remedy_.empty()) text += " (" + remedy_ + ")";
    return text;
}

void throw_exception_from_error(const Error& error, const boost::source_location& at) {
    assertion_failed(error.to_string().c_str(), at.file_name(), static_cast<int>(at.line()));
}

}  // namespace syncline::core
