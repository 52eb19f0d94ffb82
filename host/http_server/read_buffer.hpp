// Received bytes that are not consumed yet. [io]
#pragma once

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

namespace syncline::http_server {

class ReadBuffer {
  public:
    explicit ReadBuffer(std::size_t bytes_max) : bytes_max_(bytes_max), bytes_(kBytesMin) {}

    std::string_view unread() const { return {bytes_.data() + begin_, end_ - begin_}; }
    bool is_empty() const { return begin_ == end_; }
    void consume(std::size_t count) {
        begin_ += count;
        if (begin_ == end_) begin_ = end_ = 0;
    }

    // Room for one read; never empty as long as less than bytes_max are unread. It grows when the
    // last read filled it: more is to come.
    boost::asio::mutable_buffer prepare() {
        if (begin_ > 0) {
            std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        if (was_filled_) bytes_.resize(std::min(bytes_.size() * 2, bytes_max_));
        was_filled_ = false;
        return {bytes_.data() + end_, bytes_.size() - end_};
    }
    // So many bytes were read into what prepare() gave.
    void commit(std::size_t count) {
        end_ += count;
        was_filled_ = end_ == bytes_.size();
    }

    // Gives memory back that one large request needed. Not while a read is under way.
    void shrink() {
        if (!is_empty() || bytes_.size() == kBytesMin) return;
        std::vector<char>(kBytesMin).swap(bytes_);
        was_filled_ = false;
    }

  private:
    static constexpr std::size_t kBytesMin = 4 * 1024;

    std::size_t bytes_max_;
    std::vector<char> bytes_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool was_filled_ = false;
};

}  // namespace syncline::http_server
