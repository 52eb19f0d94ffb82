#include "generator.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace syncline::fuzz {

std::string Generator::literal() {
    return pick({"0",
                 "1",
                 "2",
                 "3",
                 "-1",
                 "1.5",
                 "0.25",
                 "10",
                 "7",
                 "null",
                 "true",
                 "false",
                 "[]",
                 "{}",
                 "\"\"",
                 "\"a\"",
                 "\"b\"",
                 "\"ab\"",
                 "\",\"",
                 "\"1\"",
                 "\"2.5\"",
                 "\"x y\"",
                 "\"\\u00e4\"",
                 "\"\\ud83d\\ude00z\"",
                 "\"A\\tb\\n\"",
                 ".5",
                 "2.",
                 "1e2",
                 "25E-1",
                 "1e+1"});
}

std::string Generator::path(int depth) {
    std::string result = below(4) == 0 ? "(" + expression(depth - 1) + ")" : std::string{};
    auto steps = 1 + below(3);
    for (std::size_t i = 0; i < steps; ++i) {
        switch (below(7)) {
            case 0:
            case 1:
            case 2:
                result += pick({".a", ".b", ".c", ".k_1", ".if"});
                break;
            case 3:
                result += pick({".\"a\"", ".\"x y\"", ".\"\\u00e4\""});
                break;
            default:
                if (result.empty()) result = ".";
                if (below(3) == 0) {
                    result += slice(depth);
                } else if (below(4) == 0) {
                    // jq looks for an array in an array; that is outside the language.
                    result +=
                        "[" + expression(depth - 1) + " | if type == \"array\" then 0 else . end]";
                } else {
                    result += pick({"[0]", "[1]", "[-1]", "[\"a\"]", "[5]", "[1.5]", "[null]"});
                }
        }
        if (below(3) == 0) result += "?";
    }
    return result;
}

std::string Generator::slice(int depth) {
    if (depth <= 0 || below(3) != 0) {
        return pick({"[1:]", "[:2]", "[1:3]", "[-2:]", "[:-1]", "[0:1.5]", "[null:1]"});
    }
    auto begin = expression(depth - 1);
    switch (below(3)) {
        case 0:
            return "[(" + begin + "):]";
        case 1:
            return "[:(" + begin + ")]";
        default:
            return "[(" + begin + "):(" + expression(depth - 1) + ")]";
    }
}

std::string Generator::text(int depth) {
    std::string result = "\"";
    auto parts = 1 + below(3);
    for (std::size_t i = 0; i < parts; ++i) {
        if (below(2) == 0) result += pick({"a", "-", " ", "\\n", "\\\"", "\xC3\xA4"});
        result += "\\(" + expression(depth - 1) + ")";
    }
    return result + "\"";
}

std::string Generator::call(int depth) {
    if (below(3) == 0) {
        return pick({"has", "contains", "startswith", "endswith", "ltrimstr", "rtrimstr", "split",
                     "join"}) +
               "(" + expression(depth - 1) + ")";
    }
    return pick({"length",
                 "utf8bytelength",
                 "not",
                 "keys",
                 "keys_unsorted",
                 "type",
                 "tostring",
                 "tonumber",
                 "tojson",
                 "tojson|fromjson",
                 "fromjson",
                 "ascii_upcase",
                 "ascii_downcase",
                 "add",
                 "any",
                 "all",
                 "first",
                 "last",
                 "reverse",
                 "sort",
                 "unique",
                 "min",
                 "max",
                 "floor",
                 "ceil",
                 "round",
                 "explode",
                 "explode|implode",
                 "to_entries",
                 "to_entries|from_entries",
                 "from_entries"});
}

std::string Generator::object(int depth) {
    std::string result = "{";
    auto members = below(4);
    for (std::size_t i = 0; i < members; ++i) {
        if (i > 0) result += ", ";
        switch (below(5)) {
            case 0:
                result += pick({"a", "b", "\"x y\""});
                continue;
            case 1:
                result += "(" + expression(depth - 1) + " | tostring)";
                break;
            case 2:
                result += below(3) == 0 ? "(.k)" : "\"k\\(" + expression(depth - 1) + ")\"";
                break;
            default:
                result += pick({"a", "b", "c", "\"d e\"", "and"});
        }
        result += ": " + member_value(depth);
    }
    return result + "}";
}

// jq takes terms, `-` and `|` here without parentheses.
std::string Generator::member_value(int depth) {
    switch (below(6)) {
        case 0:
            return path(0);
        case 1:
            return "-" + path(0);
        case 2:
            return path(0) + " | " + call(depth - 1);
        default:
            return "(" + expression(depth - 1) + ")";
    }
}

std::string Generator::term(int depth) {
    if (depth <= 0)
        return below(3) == 0 ? literal() : below(4) == 0 ? "." : pick({".a", ".b", ".c", ".[0]"});
    switch (below(10)) {
        case 0:
            return literal();
        case 1:
        case 2:
        case 3:
            return path(depth);
        case 4:
            return text(depth);
        case 5:
            return object(depth);
        case 6: {
            std::string result = "[";
            auto elements = below(4);
            for (std::size_t i = 0; i < elements; ++i) {
                result += (i > 0 ? ", (" : "(") + expression(depth - 1) + ")";
            }
            return result + "]";
        }
        case 7:
            return "(" + expression(depth - 1) + ")";
        default:
            return "(" + path(0) + " | " + call(depth) + ")";
    }
}

std::string Generator::operand(int depth) {
    switch (below(10)) {
        case 0:
            return "(" + expression(depth) + ")";
        case 1:
            return "-" + term(depth);
        // An error ends an expression early: what is behind it is compared only if it is caught.
        case 2:
        case 3:
        case 4:
            return "[(" + expression(depth) + ")?][0]";
        default:
            return term(depth);
    }
}

std::string Generator::expression(int depth) {
    if (depth <= 0) return term(0);
    switch (below(12)) {
        case 0:
        case 1:
            return operand(depth - 1) + pick({" | ", "|", " | ", "\n  | ", " # a | b\n| "}) +
                   expression(depth - 1);
        case 2:
        case 3:
            return operand(depth - 1) + " | " + call(depth);
        case 4:
            return "if " + expression(depth - 1) + " then " + expression(depth - 1) + " else " +
                   expression(depth - 1) + " end";
        case 5:
            return "if " + expression(depth - 1) + " then " + term(depth - 1) + " elif " +
                   expression(depth - 1) + " then " + expression(depth - 1) + " else " +
                   expression(depth - 1) + " end";
        case 6:
        case 7:
        case 8:
        case 9: {
            auto result = operand(depth - 1);
            auto operators = 1 + below(3);
            for (std::size_t i = 0; i < operators; ++i) {
                result +=
                    pick({" + ", " - ", " * ", " / ", " % ", " == ", " != ", " < ", " <= ", " > ",
                          " >= ", " and ", " or ", " // ", " + ", " + ", " // "});
                result += operand(depth - 1);
            }
            return result;
        }
        default:
            return operand(depth);
    }
}

boost::json::value Generator::input(int depth) {
    namespace json = boost::json;
    static const std::vector<std::string_view> kStrings{"",      "a",
                                                        "b",     "ab",
                                                        "aXbX",  "a,b,,c",
                                                        "12",    " 7.5 ",
                                                        "true",  "\xC3\xA4\xC3\xB6",
                                                        "x y",   "\xF0\x9F\x98\x80z",
                                                        "[1,2]", "Abc Def"};
    switch (depth <= 0 ? below(7) : below(14)) {
        case 0:
            return nullptr;
        case 1:
            return below(2) == 0;
        case 2:
            return static_cast<std::int64_t>(below(20)) - 5;
        case 3:
            return (static_cast<double>(below(64)) - 16) / 4;
        case 4:
        case 5:
        case 6:
            return json::string(pick(kStrings));
        case 7:
        case 8:
        case 9: {
            json::array array;
            auto size = below(5);
            for (std::size_t i = 0; i < size; ++i) array.push_back(input(depth - 1));
            return array;
        }
        default:
            return members(depth);
    }
}

boost::json::object Generator::members(int depth) {
    boost::json::object object;
    auto size = 1 + below(5);
    for (std::size_t i = 0; i < size; ++i) {
        object[pick({"a", "b", "c", "k", "k_1", "x y", "\xC3\xA4", "key", "value", "name"})] =
            input(depth - 1);
    }
    return object;
}

boost::json::value Generator::record(int depth) {
    return below(4) == 0 ? input(depth) : boost::json::value(members(depth));
}

}  // namespace syncline::fuzz
