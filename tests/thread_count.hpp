/// How many threads the library uses while the object lives.
#pragma once

#include <kashi/core/parallel.hpp>

class ThreadCount {
 public:
  explicit ThreadCount(int count) : before_(kashi::num_threads()) { kashi::set_num_threads(count); }
  ~ThreadCount() { kashi::set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};
