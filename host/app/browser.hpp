// Opens a person's browser.
#pragma once

#include <string>

namespace syncline::app {

// Starts the program that $BROWSER names (the first, if it names several), or xdg-open where there
// is a screen; no shell sees the address. False when there is none of these. It is not waited for:
// what the browser does with the address, nobody can tell. [any]
bool open_browser(const std::string& url);

}  // namespace syncline::app
