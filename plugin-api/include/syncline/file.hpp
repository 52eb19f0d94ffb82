// Appends to files that the operator named in the settings.
//
//     co_await syncline::file::append(path_, lines);  // all of it is durable now
//     batch.rest_done();
//
// The manifest grants the file: "allowed_files": [{"from_setting": "path"}]. When it fails, the
// `co_await` throws a Failure, which knows whether some of the bytes may be in the file. Appends to
// one file are done in their order, and those that wait share a flush to the disk.
#ifndef SYNCLINE_FILE_HPP
#define SYNCLINE_FILE_HPP

#include <coroutine>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "syncline/failure.hpp"
#include "syncline/file.h"
#include "syncline/runtime.hpp"
#include "syncline/task.hpp"

namespace syncline {
namespace detail {

// An append on its way.
class WaitingAppend final : public OpenAppend {
  public:
    WaitingAppend(Scope& of, std::string path, std::string bytes)
        : OpenAppend(of), path_(std::move(path)), bytes_(std::move(bytes)) {}

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting) {
        syncline_error error = empty_error();
        if (scope.runtime->append(*this, path_, bytes_, waiting, error)) return true;
        thrown_ = std::make_exception_ptr(from_c(error));
        return false;
    }
    void await_resume() {
        if (thrown_) std::rethrow_exception(thrown_);
    }

  private:
    void take(const syncline_error* error) noexcept override {
        scope.got_through();
        try {
            if (error != nullptr) throw from_c(*error).with_possible_effect();
        } catch (...) {
            thrown_ = std::current_exception();
        }
    }

    std::string path_, bytes_;
    std::exception_ptr thrown_;
};

}  // namespace detail

namespace file {

// An append that begins when it is awaited.
class [[nodiscard]] Appending final : public detail::Awaitable {
  public:
    Appending(std::string path, std::string bytes)
        : path_(std::move(path)), bytes_(std::move(bytes)) {}

  private:
    friend class detail::PromiseBase;
    detail::WaitingAppend awaiter_in(detail::Scope& scope) && {
        return detail::WaitingAppend{scope, std::move(path_), std::move(bytes_)};
    }

    std::string path_, bytes_;
};

// `path` as the setting has it. Whole lines begin on a line of their own, whatever is before them.
inline Appending append(std::string_view path, std::string_view bytes) {
    return Appending{std::string{path}, std::string{bytes}};
}

}  // namespace file
}  // namespace syncline

#endif
