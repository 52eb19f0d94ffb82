// The fake host's open read operations.
#ifndef SYNCLINE_TESTING_READ_HPP
#define SYNCLINE_TESTING_READ_HPP

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/syncline.h"
#include "syncline/testing/instance.hpp"
#include "syncline/testing/values.hpp"

namespace syncline::testing::fake {

class Pages {
  public:
    Pages(const Instance& instance, Handles& handles, std::vector<std::string>& violations)
        : instance_(instance), handles_(handles), violations_(violations) {}

    std::shared_ptr<PageRead> begin(PageToRead wanted) {
        const syncline_read_handle handle = handles_.next();
        auto operation = std::make_shared<Operation>();
        operation->wanted = std::move(wanted);
        syncline_read_request& raw = operation->raw;
        raw.struct_size = sizeof raw;
        raw.records_max = operation->wanted.records_max;
        raw.stream = borrow(operation->wanted.stream);
        raw.cursor = borrow(operation->wanted.cursor);
        raw.is_full = operation->wanted.is_full ? 1 : 0;
        raw.timeout_ms = 60'000;
        open_[handle] = operation;
        syncline_error error = detail::empty_error();
        operation->is_beginning = true;
        operation->page->status = table().read(instance_.self, handle, &raw, &error);
        operation->is_beginning = false;
        if (operation->page->status != SYNCLINE_OK) {
            operation->page->failure = detail::from_c(error);
            open_.erase(handle);
        }
        return operation->page;
    }

    void cancel() {
        const auto open = open_;
        for (const auto& [handle, operation] : open) table().cancel(instance_.self, handle);
    }

    std::size_t size() const { return open_.size(); }

    // What the connector calls.
    syncline_status record(syncline_read_handle handle, const syncline_record* raw) {
        const auto found = open_.find(handle);
        if (found == open_.end()) return over("a record of a page that is over");
        Operation& operation = *found->second;
        if (operation.has_ended) return broken("a record of a page that has ended");
        if (view(raw->stream) != operation.wanted.stream)
            return broken("a record of another stream than the page's");
        if (raw->key.len == 0) return broken("a record without a key");
        operation.page->records.push_back(
            {std::string{view(raw->stream)}, raw->operation, std::string{view(raw->key)},
             std::string{view(raw->body)}, raw->occurred_ns, std::string{view(raw->parent_stream)},
             std::string{view(raw->parent_key)}});
        return SYNCLINE_OK;
    }
    syncline_status end(syncline_read_handle handle, const syncline_page_end* raw) {
        const auto found = open_.find(handle);
        if (found == open_.end()) return over("an end of a page that is over");
        Operation& operation = *found->second;
        if (operation.has_ended) return broken("a second end of a page");
        operation.has_ended = true;
        PageRead& page = *operation.page;
        if (raw->error != nullptr) {
            page.failure = detail::from_c(*raw->error);
            return SYNCLINE_OK;
        }
        page.next_cursor = view(raw->cursor);
        page.has_more = raw->has_more != 0;
        const bool moves = !page.next_cursor.empty() && page.next_cursor != operation.wanted.cursor;
        return moves || !page.has_more ? SYNCLINE_OK : broken("the cursor does not move");
    }
    syncline_status complete(syncline_read_handle handle) {
        const auto found = open_.find(handle);
        if (found == open_.end()) return over("a completion of a page that is over");
        if (found->second->is_beginning) return broken("a page was completed inside read()");
        if (!found->second->has_ended) violations_.push_back("a page was completed without an end");
        if (found->second->page->failure.failure_class != SYNCLINE_OK)
            found->second->page->records.clear();
        found->second->page->is_complete = true;
        open_.erase(found);
        return SYNCLINE_OK;
    }

  private:
    struct Operation {
        PageToRead wanted;
        syncline_read_request raw{};
        bool is_beginning = false;
        bool has_ended = false;
        std::shared_ptr<PageRead> page = std::make_shared<PageRead>();
    };

    syncline_status over(const char* violation) {
        violations_.emplace_back(violation);
        return SYNCLINE_E_STALE;
    }
    syncline_status broken(const char* violation) {
        violations_.emplace_back(violation);
        return SYNCLINE_E_PLUGIN_BUG;
    }
    const syncline_plugin_read& table() const {
        return instance_.table<syncline_plugin_read>(SYNCLINE_READ_ID);
    }

    const Instance& instance_;
    Handles& handles_;
    std::vector<std::string>& violations_;
    std::map<syncline_read_handle, std::shared_ptr<Operation>> open_;
};

}  // namespace syncline::testing::fake

#endif
