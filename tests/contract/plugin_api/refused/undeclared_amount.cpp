// Reads the total of a purchase that it has not declared; with RIGHT it has.
#include "syncline/records.hpp"

using syncline::event::Currency;
using syncline::event::Total;
#ifdef RIGHT
using Purchase = syncline::Reads<Currency, Total>;
#else
using Purchase = syncline::Reads<Currency>;
#endif

std::string total_of(const Purchase& purchase);
std::string total_of(const Purchase& purchase) {
    return purchase.get<Total>();
}
