// A view of two models at once; with RIGHT of one.
#include "syncline/records.hpp"

#ifdef RIGHT
using Other = syncline::membership::Audience;
#else
using Other = syncline::audience::Audience;
#endif

syncline::Reads<syncline::membership::User, Other> view_of(std::string_view body);
syncline::Reads<syncline::membership::User, Other> view_of(std::string_view body) {
    return syncline::Reads<syncline::membership::User, Other>{body};
}
