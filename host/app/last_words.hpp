// The end of a process that the system gives no memory or no thread: one sentence and exit code 3,
// as for everything that the environment lacks. What was acknowledged is on disk (invariant 1), so
// that ending is safe wherever it happens.
#pragma once

namespace syncline::app {

// From here on an exception that nobody catches ends the process in words. What is no lack of
// resources is a bug and aborts. Once, by main(). [any]
void install_last_words();

}  // namespace syncline::app
