/// Reads a whole dataset before anything else is done, so that a file which can't be used is told at once.
#pragma once

#include <exception>
#include <vector>

#include <kashi/core/parallel.hpp>
#include <kashi/data/dataset.hpp>

namespace examples {

/// Reads every example once, on all threads. Throws what the first one that can't be read throws.
inline void read_all(const kashi::data::Dataset& dataset) {
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(dataset.size()));
  kashi::parallel_for(dataset.size(), 1, [&](kashi::Index begin, kashi::Index end) {
    for (kashi::Index i = begin; i < end; ++i) {
      try {
        dataset.get(i);
      } catch (...) {
        errors[static_cast<std::size_t>(i)] = std::current_exception();
      }
    }
  });
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace examples
