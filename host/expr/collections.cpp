#include "expr/collections.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "expr/value_ops.hpp"
#include "record/canonical.hpp"

namespace syncline::expr {
namespace {

const json::value kNull;

using Elements = std::vector<const json::value*>;

// The elements of an array or the values of an object; false, after failing, for anything else or
// at a limit.
bool list_elements(const Call& call, Elements& elements) {
    const auto* array = call.input.if_array();
    const auto* object = call.input.if_object();
    if (array == nullptr && object == nullptr) {
        static_cast<void>(call.fail(describe(call.input) + " has no elements"));
        return false;
    }
    auto size = array != nullptr ? array->size() : object->size();
    if (!call.spend_steps(size)) return false;
    elements.reserve(size);
    if (array != nullptr) {
        for (const auto& element : *array) elements.push_back(&element);
    } else {
        for (const auto& member : *object) elements.push_back(&member.value());
    }
    return true;
}

// The elements of an array, as sorted as jq sorts; false as above.
bool list_sorted(const Call& call, Elements& elements) {
    if (!call.input.is_array()) {
        static_cast<void>(
            call.fail(describe(call.input) + " cannot be sorted, as it is not an array"));
        return false;
    }
    if (!list_elements(call, elements)) return false;
    std::stable_sort(elements.begin(), elements.end(),
                     [](const auto* a, const auto* b) { return compare(*a, *b) < 0; });
    return true;
}

Flow give_array(const Call& call, const Elements& elements) {
    json::array array;
    array.reserve(elements.size());
    for (const auto* element : elements) {
        if (!call.spend_bytes(weight(*element))) return Flow::kError;
        array.push_back(*element);
    }
    return call.give(std::move(array));
}

std::string_view name_of(const json::key_value_pair& member) {
    return {member.key().data(), member.key().size()};
}

// Every step into a pair of values is counted: arrays are compared element with element.
Flow contains_value(const Call& call, const json::value& a, const json::value& b, bool& result) {
    if (!call.spend_steps(1)) return Flow::kError;
    if (a.is_object() && b.is_object()) {
        for (const auto& member : b.get_object()) {
            const auto* found = a.get_object().if_contains(member.key());
            result = found != nullptr;
            if (!result) return Flow::kValue;
            auto flow = contains_value(call, *found, member.value(), result);
            if (flow != Flow::kValue || !result) return flow;
        }
        result = true;
    } else if (a.is_array() && b.is_array()) {
        for (const auto& wanted : b.get_array()) {
            result = false;
            for (const auto& element : a.get_array()) {
                auto flow = contains_value(call, element, wanted, result);
                if (flow != Flow::kValue) return flow;
                if (result) break;
            }
            if (!result) return Flow::kValue;
        }
        result = true;
    } else if (a.is_string() && b.is_string()) {
        const auto& text = a.get_string();
        const auto& part = b.get_string();
        result = memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
    } else {
        result = compare(a, b) == 0;
    }
    return Flow::kValue;
}

Flow any_or_all(const Call& call, bool is_any) {
    Elements elements;
    if (!list_elements(call, elements)) return Flow::kError;
    bool found = std::any_of(elements.begin(), elements.end(),
                             [&](const auto* element) { return is_true(*element) == is_any; });
    return call.give(found == is_any);
}

Flow end_of_array(const Call& call, bool is_first) {
    if (call.input.is_null()) return call.give(nullptr);
    const auto* array = call.input.if_array();
    if (array == nullptr) {
        return call.fail("cannot index " + std::string{type_name(call.input)} + " with number");
    }
    if (array->empty()) return call.give(nullptr);
    return call.give_view(is_first ? array->front() : array->back());
}

// Of equals, the first is the minimum and the last the maximum.
Flow extreme(const Call& call, bool is_minimum) {
    if (!call.input.is_array()) return call.fail(describe(call.input) + " is not an array");
    Elements elements;
    if (!list_elements(call, elements)) return Flow::kError;
    const json::value* best = &kNull;
    for (const auto* element : elements) {
        bool is_less = compare(*element, *best) < 0;
        if (best == &kNull || is_less == is_minimum) best = element;
    }
    return call.give_view(*best);
}

Flow list_keys(const Call& call, bool is_sorted) {
    json::array names;
    if (const auto* array = call.input.if_array()) {
        if (!call.spend_steps(array->size())) return Flow::kError;
        if (!call.spend_bytes(array->size() * sizeof(json::value))) return Flow::kError;
        for (std::size_t i = 0; i < array->size(); ++i) names.emplace_back(i);
        return call.give(std::move(names));
    }
    const auto* object = call.input.if_object();
    if (object == nullptr) return call.fail(describe(call.input) + " has no keys");
    auto add = [&](const json::key_value_pair& member) {
        auto name = name_of(member);
        if (!call.spend_steps(1) || !call.spend_bytes(name.size() + sizeof(json::value))) {
            return false;
        }
        names.emplace_back(string_of(name));
        return true;
    };
    if (is_sorted) {
        for (const auto* member : record::sorted_members(*object)) {
            if (!add(*member)) return Flow::kError;
        }
    } else {
        for (const auto& member : *object) {
            if (!add(member)) return Flow::kError;
        }
    }
    return call.give(std::move(names));
}

// The first of the fields that is neither null nor false; null without one.
const json::value& first_of(const json::object& entry,
                            std::initializer_list<std::string_view> names) {
    for (auto name : names) {
        const auto* value = entry.if_contains({name.data(), name.size()});
        if (value != nullptr && is_true(*value)) return *value;
    }
    return kNull;
}

}  // namespace

Flow length(const Call& call) {
    const auto& input = call.input;
    if (input.is_null()) return call.give(0);
    if (const auto* text = input.if_string()) return call.give(count_codepoints(view_of(*text)));
    if (const auto* array = input.if_array()) return call.give(array->size());
    if (const auto* object = input.if_object()) return call.give(object->size());
    if (input.is_number()) {
        return call.give(to_double(input) < 0 ? negate_number(input) : input);
    }
    return call.fail(describe(input) + " has no length");
}

Flow keys(const Call& call) { return list_keys(call, true); }
Flow keys_unsorted(const Call& call) { return list_keys(call, false); }

Flow has(const Call& call) {
    const auto* array = call.input.if_array();
    const auto* object = call.input.if_object();
    if (object != nullptr && call.argument->is_string()) {
        return call.give(object->contains(call.argument->get_string()));
    }
    if (array != nullptr && call.argument->is_number()) {
        double index = std::trunc(to_double(*call.argument));
        return call.give(index >= 0 && index < static_cast<double>(array->size()));
    }
    if (call.input.is_null()) return call.give(false);
    return call.fail("cannot check whether " + std::string{type_name(call.input)} + " has a " +
                     std::string{type_name(*call.argument)} + " key");
}

// Like jq 1.6, true and false are types of their own here.
Flow contains(const Call& call) {
    const auto& part = *call.argument;
    bool fits = type_name(call.input) == type_name(part) &&
                (!part.is_bool() || compare(call.input, part) == 0);
    if (!fits) {
        return call.fail(describe(call.input) + " and " + describe(part) +
                         " cannot have their containment checked");
    }
    bool result = false;
    if (contains_value(call, call.input, part, result) == Flow::kError) return Flow::kError;
    return call.give(result);
}

Flow add_all(const Call& call) {
    Elements elements;
    if (!list_elements(call, elements)) return Flow::kError;
    Node node = call.node;
    node.op = Op::kAdd;
    Cell sum;
    for (const auto* element : elements) {
        Cell left;
        Cell right;
        if (sum.is_owned()) {
            left.own(std::move(sum.owned()));
        } else {
            left.borrow(sum.get());
        }
        right.borrow(*element);
        auto flow = apply_arithmetic(call.evaluator, node, left, right, sum);
        if (flow != Flow::kValue) return flow;
    }
    if (sum.is_owned()) return call.give(std::move(sum.owned()));
    return call.give_view(sum.get());
}

Flow any(const Call& call) { return any_or_all(call, true); }
Flow all(const Call& call) { return any_or_all(call, false); }
Flow first(const Call& call) { return end_of_array(call, true); }
Flow last(const Call& call) { return end_of_array(call, false); }

// jq 1.6 reverses what has no elements, too: null, zero, an empty string or object give an empty
// array.
Flow reverse(const Call& call) {
    const auto& input = call.input;
    const auto* text = input.if_string();
    const auto* object = input.if_object();
    if (input.is_null() || (text != nullptr && text->empty()) ||
        (object != nullptr && object->empty()) || (input.is_number() && is_zero(input))) {
        return call.give(json::array{});
    }
    if (!input.is_array()) return call.fail(describe(input) + " cannot be reversed");
    Elements elements;
    if (!list_elements(call, elements)) return Flow::kError;
    std::reverse(elements.begin(), elements.end());
    return give_array(call, elements);
}

Flow sort(const Call& call) {
    Elements elements;
    if (!list_sorted(call, elements)) return Flow::kError;
    return give_array(call, elements);
}

Flow unique(const Call& call) {
    Elements elements;
    if (!list_sorted(call, elements)) return Flow::kError;
    elements.erase(std::unique(elements.begin(), elements.end(),
                               [](const auto* a, const auto* b) { return compare(*a, *b) == 0; }),
                   elements.end());
    return give_array(call, elements);
}

Flow minimum(const Call& call) { return extreme(call, true); }
Flow maximum(const Call& call) { return extreme(call, false); }

Flow to_entries(const Call& call) {
    json::array entries;
    auto add = [&](json::value key, const json::value& value) {
        if (!call.spend_steps(1)) return false;
        if (!call.spend_bytes(weight(key) + weight(value) + sizeof(json::object))) return false;
        json::object entry;
        entry.reserve(2);
        entry.emplace("key", std::move(key));
        entry.emplace("value", value);
        entries.push_back(std::move(entry));
        return true;
    };
    if (const auto* object = call.input.if_object()) {
        for (const auto& member : *object) {
            if (!add(string_of(name_of(member)), member.value())) return Flow::kError;
        }
    } else if (const auto* array = call.input.if_array()) {
        for (std::size_t i = 0; i < array->size(); ++i) {
            if (!add(i, (*array)[i])) return Flow::kError;
        }
    } else {
        return call.fail(describe(call.input) + " has no entries");
    }
    return call.give(std::move(entries));
}

Flow from_entries(const Call& call) {
    Elements entries;
    if (!list_elements(call, entries)) return Flow::kError;
    json::object object;
    for (const auto* element : entries) {
        const auto* entry = element->if_object();
        if (entry == nullptr) return call.fail(describe(*element) + " is not an entry");
        const auto& key = first_of(*entry, {"key", "Key", "name", "Name"});
        if (!key.is_string()) {
            return call.fail("cannot use " + describe(key) + " as the name of a member");
        }
        const auto* value = entry->if_contains("value");
        if (value == nullptr) value = entry->if_contains("Value");
        if (value == nullptr) value = &kNull;
        if (!call.spend_bytes(weight(key) + weight(*value))) return Flow::kError;
        object.insert_or_assign(key.get_string(), *value);
    }
    return call.give(std::move(object));
}

}  // namespace syncline::expr
