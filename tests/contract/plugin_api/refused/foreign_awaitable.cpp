// Waits for something that would not resume it on the instance's thread; with RIGHT for a task.
#include <coroutine>

#include "syncline/task.hpp"

#ifdef RIGHT
syncline::Task<> other();
#else
std::suspend_always other();
#endif

syncline::Task<> wait();
syncline::Task<> wait() {
    co_await other();
}
