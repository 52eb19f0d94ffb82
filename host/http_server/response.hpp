// Responses on the wire. [io]
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "http_server/server.hpp"

namespace syncline::http_server {

// {"error":"<reason>","code":"http.<name of the status>"}; the reason is a constant text of ours.
Response make_error(int status, std::string_view reason);

// The response itself, or a 500 in its place when it could not be sent as it is: a header that
// would break the framing (CR, LF), a status that is none.
Response checked(Response response);

struct Framing {
    bool close = false;
    std::string_view date;
};
// Appends status line and headers with the empty line. `response` went through checked().
void append_head(std::string& out, const Response& response, const Framing& framing);

// 204, 304: there is never a body, whatever the response holds.
bool may_have_body(int status);

// The value of the Date field, made once a second.
class DateCache {
  public:
    std::string_view now();

  private:
    std::time_t at_ = 0;
    std::string text_;
};

}  // namespace syncline::http_server
