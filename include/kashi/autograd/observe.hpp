/// Watching operations as they are recorded: what summaries and foldings learn about any network, functions included.
///
/// An operation whose derivative does not tell its geometry announces it:
///
///     const Announce announced(geometry);
///     return record<T>("conv2d", ...);
///
/// Nothing is copied unless somebody observes.
#pragma once

#include <any>

#include <kashi/autograd/variable.hpp>

namespace kashi::inline v0 {

/// Sees every operation of this thread that is recorded. Install it with ObserveRecords.
template <class T>
class RecordObserver {
 public:
  virtual ~RecordObserver() = default;
  /// `detail` holds what the operation announced, or nothing.
  virtual void on_record(const char* name, const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                         std::any detail) = 0;
};

namespace detail {

/// What the operation that is about to be recorded says about itself.
struct Announcement {
  const void* value = nullptr;
  std::any (*copy)(const void*) = nullptr;
};

inline Announcement& announcement() {
  thread_local Announcement current;
  return current;
}

template <class T>
RecordObserver<T>*& record_observer() {
  thread_local RecordObserver<T>* current = nullptr;
  return current;
}

template <class T>
void tell_observer(const char* name, const Variable<T>& output, const std::vector<Variable<T>>& inputs) {
  RecordObserver<T>* observer = record_observer<T>();
  if (observer == nullptr) return;
  const Announcement& current = announcement();
  observer->on_record(name, output, inputs, current.copy ? current.copy(current.value) : std::any());
}

}  // namespace detail

/// While it lives, the next recorded operation carries `detail`, which must live as long.
class Announce {
 public:
  template <class D>
  explicit Announce(const D& detail) : previous_(detail::announcement()) {
    detail::announcement() = {&detail, [](const void* value) { return std::any(*static_cast<const D*>(value)); }};
  }
  ~Announce() { detail::announcement() = previous_; }
  Announce(const Announce&) = delete;
  Announce& operator=(const Announce&) = delete;

 private:
  detail::Announcement previous_;
};

/// While it lives, `observer` sees this thread's recorded operations in place of an earlier one.
template <class T>
class ObserveRecords {
 public:
  explicit ObserveRecords(RecordObserver<T>& observer) : previous_(detail::record_observer<T>()) {
    detail::record_observer<T>() = &observer;
  }
  ~ObserveRecords() { detail::record_observer<T>() = previous_; }
  ObserveRecords(const ObserveRecords&) = delete;
  ObserveRecords& operator=(const ObserveRecords&) = delete;

 private:
  RecordObserver<T>* previous_;
};

}  // namespace kashi::inline v0
