// A JSON object that may hold secrets: it and all within it are in memory that is not swapped (see
// core::protect_memory()) and is cleansed when it is given back. Concurrency: values. [any]
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/storage_ptr.hpp>
#include <utility>

namespace syncline::record {

// Where such an object lives; valid for ever. What is copied elsewhere is in ordinary memory.
boost::json::storage_ptr locked_storage();

class LockedObject : public boost::json::object {
  public:
    LockedObject() : object(locked_storage()) {}
    LockedObject(const boost::json::object& other) : object(other, locked_storage()) {}
    LockedObject(boost::json::object&& other) : object(std::move(other), locked_storage()) {}
    LockedObject(const LockedObject& other) : object(other, locked_storage()) {}
    LockedObject(LockedObject&& other) : object(std::move(other), locked_storage()) {}
    ~LockedObject() = default;

    // Into its own memory, wherever the other is.
    using object::operator=;
    LockedObject& operator=(const LockedObject&) = default;
    LockedObject& operator=(LockedObject&&) = default;
};

}  // namespace syncline::record
