#include "core/utf8.hpp"

#include <string>

#include "support/catch.hpp"

using namespace syncline::core;
using namespace std::string_literals;

TEST_CASE("utf8: what RFC 3629 allows is taken, at any place in a text", "[core][utf8]") {
    // The ends of each row of the table in section 4, and what is just outside of it.
    const std::string good[] = {"\0"s,
                                "\x7f",
                                "\xc2\x80",
                                "\xdf\xbf",
                                "\xe0\xa0\x80",
                                "\xec\xbf\xbf",
                                "\xed\x9f\xbf",
                                "\xee\x80\x80",
                                "\xef\xbf\xbf",
                                "\xf0\x90\x80\x80",
                                "\xf4\x8f\xbf\xbf"};
    const std::string bad[] = {"\x80",
                               "\xc1\xbf",
                               "\xc2",
                               "\xc2\x7f",
                               "\xc2\xc0",
                               "\xe0\x9f\xbf",
                               "\xe1\x80",
                               "\xed\xa0\x80",
                               "\xef\xbf\x7f",
                               "\xf0\x8f\xbf\xbf",
                               "\xf4\x90\x80\x80",
                               "\xf1\x80\x80",
                               "\xf5\x80\x80\x80",
                               "\xff"};
    // A word of eight bytes is looked at together.
    for (std::size_t before = 0; before < 17; ++before) {
        const std::string begin(before, 'a');
        for (const std::string& text : good) {
            INFO(before << " before, " << text.size() << " bytes");
            CHECK(is_utf8(begin + text));
            CHECK(is_utf8(begin + text + "0123456789"));
            CHECK(utf8_length(begin + text, before) == text.size());
        }
        for (const std::string& text : bad) {
            INFO(before << " before, " << text.size() << " bytes");
            CHECK_FALSE(is_utf8(begin + text));
            CHECK_FALSE(is_utf8(begin + text + "0123456789"));
            CHECK(utf8_length(begin + text, before) == 0);
        }
    }
    CHECK(is_utf8(""));
}
