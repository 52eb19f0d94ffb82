#include "app/login_page.hpp"

#include <algorithm>

#include "core/encoding.hpp"
#include "core/hash.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::app;

TEST_CASE("login page: texts can't become markup", "[app][login]") {
    const auto page = login_page(400, false, "<b>'title'</b>", "a & b <script>\"x\"</script>\n");
    CHECK(page.status == 400);
    CHECK(page.body.find("<script") == std::string::npos);
    CHECK(page.body.find("<b>") == std::string::npos);
    CHECK(page.body.find("&lt;b&gt;&#39;title&#39;&lt;/b&gt;") != std::string::npos);
    CHECK(page.body.find("a &amp; b &lt;script&gt;&quot;x&quot;&lt;/script&gt; ") !=
          std::string::npos);
}

TEST_CASE("login page: the browser may use its own style and nothing else", "[app][login]") {
    const auto page = login_page(200, true, "Done", "Text.");
    const std::size_t begin = page.body.find("<style>") + 7;
    const std::string style = page.body.substr(begin, page.body.find("</style>") - begin);
    const auto policy = std::ranges::find_if(
        page.headers, [](const auto& header) { return header.first == "Content-Security-Policy"; });
    REQUIRE(policy != page.headers.end());
    CHECK(policy->second.starts_with("default-src 'none'; style-src 'sha256-" +
                                     core::to_base64(core::sha256(style)) + "'"));
    CHECK(page.body.find("http") == std::string::npos);
    CHECK(page.close);
}
