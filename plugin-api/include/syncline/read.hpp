// The capability "read": a stream of the platform, page by page.
//
//     Task<> read(Page& page) override {
//         const Url url = Url{url_, "/users"}.query("after", page.cursor());
//         const Response response = co_await http::get(url.text());
//         if (!response.is_success()) throw response.refusal("Acme");
//         const json::Array* users = response.json().find_array("users");
//         if (users == nullptr) throw response.malformed("Acme");
//         for (const json::Value& user : *users) {
//             const std::string body = json::write(user);
//             page.emit({.key = user.text_or("id", ""), .body = body});
//         }
//         page.end(response.json().text_or("next", ""), response.json().is_true("more"));
//     }
//
// The host gets exactly one end of each page, whatever read() does: what it throws, before end(),
// is the failure of the page. A cursor that the platform does not know any more is a Failure of
// class SYNCLINE_E_CURSOR_INVALID.
#ifndef SYNCLINE_READ_HPP
#define SYNCLINE_READ_HPP

#include <cstddef>
#include <exception>
#include <string_view>

#include "syncline/failure.hpp"
#include "syncline/read.h"
#include "syncline/runtime.hpp"
#include "syncline/task.hpp"
#include "syncline/webhook.hpp"

namespace syncline {

// One page: what is asked for, and where its records go. Lives until the task of read() has ended.
class Page {
  public:
    Page(detail::Scope& scope, const syncline_read_request& raw) : scope_(scope), raw_(raw) {}
    Page(const Page&) = delete;
    Page& operator=(const Page&) = delete;
    // Fails a page without an end, and ends the operation.
    ~Page() {
        rest_fail({SYNCLINE_E_PLUGIN_BUG, "read() ended without an end of the page"});
        scope_.runtime->end_read(scope_.operation);
    }

    std::string_view stream() const { return view(raw_.stream); }
    // "" for the beginning, otherwise what an earlier page ended with.
    std::string_view cursor() const { return view(raw_.cursor); }
    // Every record is wanted, not only those that are new or different since the cursor.
    bool is_full() const { return raw_.is_full != 0; }
    // How many records the page had better not exceed.
    std::size_t records_max() const { return raw_.records_max; }

    // Takes one record of the page's stream, which it need not name; the order is kept. False: the
    // host will not use the page (a limit, an invalid record), so read() may return.
    bool emit(const Record& record) {
        syncline_record raw = detail::to_c(record);
        if (record.stream.empty()) raw.stream = raw_.stream;
        return scope_.runtime->page_record(scope_.operation, raw);
    }
    // The page is whole, and the next one begins at the cursor: at once if there is more, otherwise
    // with the next incremental run. The first end counts.
    void end(std::string_view cursor, bool has_more) {
        syncline_page_end raw{};
        raw.struct_size = sizeof raw;
        raw.has_more = has_more ? 1 : 0;
        raw.cursor = borrow(cursor);
        tell(raw);
    }
    // The page failed, if it has no end yet: as when read() throws.
    void rest_fail(const Failure& why) {
        const syncline_error error = detail::to_c(why);
        syncline_page_end raw{};
        raw.struct_size = sizeof raw;
        raw.error = &error;
        tell(raw);
    }

  private:
    void tell(const syncline_page_end& raw) {
        if (has_ended_) return;
        has_ended_ = true;
        scope_.runtime->page_end(scope_.operation, raw);
    }

    detail::Scope& scope_;
    const syncline_read_request& raw_;
    bool has_ended_ = false;
};

// Implement it next to Connector.
class PageReader {
  public:
    // Reads one page; pages of several streams may be under way at once. When the operation is
    // cancelled, its requests end early.
    virtual Task<> read(Page& page) = 0;

  protected:
    ~PageReader() = default;
};

// ---- Implementation --------------------------------------------------------------------------

namespace detail {

// One read operation from its beginning to its end.
inline Root run_read(TaskGroup&, Runtime&, syncline_read_handle, PageReader& reader,
                     const syncline_read_request& raw) {
    Scope& scope = co_await OwnScope();
    Page page{scope, raw};
    try {
        co_await reader.read(page);
    } catch (const Failure& failure) {
        page.rest_fail(failure);
    } catch (const std::exception& e) {
        page.rest_fail({SYNCLINE_E_PLUGIN_BUG, e.what()});
    } catch (...) {
        page.rest_fail({SYNCLINE_E_PLUGIN_BUG, "the connector threw something"});
    }
}

}  // namespace detail
}  // namespace syncline

#endif
