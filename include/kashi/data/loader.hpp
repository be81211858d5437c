/// Loader: batches for training, made ahead by worker threads.
///
/// Which examples stand in batch k of epoch e, and every number of them, follow from the seed alone: they are the same
/// for any number of workers, and an epoch can be entered at any batch.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <kashi/core/compiled.hpp>
#include <kashi/core/error.hpp>
#include <kashi/core/parallel.hpp>
#include <kashi/core/random.hpp>
#include <kashi/data/dataset.hpp>

namespace kashi::inline v0::data {

/// Several examples as one.
struct Batch {
  Tensor<float> images{};   ///< [N,H,W,C]
  Tensor<Index> labels{};   ///< [N]
  Tensor<float> targets{};  ///< [N, ...the shape of one target]; no elements when there are none
  Tensor<Index> indices{};  ///< [N], places in the dataset
  Index size() const { return labels.numel(); }
};

/// Changes a whole batch in place, drawing what it needs from the stream. Called by several threads at once.
using BatchTransform = std::function<void(Batch&, RandomStream&)>;

struct LoaderOptions {
  Index batch = 64;
  bool shuffle = false;     ///< another order in every epoch
  std::uint64_t seed = 42;  ///< for the order and for the transform
  int workers = 1;          ///< threads that make batches ahead; 0: the calling thread makes each when it is asked for
  bool drop_last = false;   ///< leave out a last batch that is not full
  Transform transform{};    ///< applied to every example; new random numbers in each epoch
  BatchTransform batch_transform{};  ///< applied to every batch of transformed examples; see mix.hpp
  Index prefetch = 4;                ///< how many batches may be ready or under way
  /// Gives the indices of an epoch in order instead of all examples: for weighted sampling, or parts of an epoch.
  std::function<std::vector<Index>(Index epoch)> sampler{};
};

/// One pass over a dataset, from which a loop takes the batches. Made by Loader::epoch; leaving the loop early stops
/// the workers. What goes wrong in a worker is thrown when its batch is asked for.
class Epoch {
 public:
  Epoch(Dataset dataset, LoaderOptions options, std::vector<Index> order, Index epoch, Index first_batch,
        Index batches);
  ~Epoch();
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;

  /// The number of the batch that comes next: `loader.epoch(e, position)` goes on from here.
  Index position() const { return position_; }
  /// How many batches the whole epoch has.
  Index size() const { return batches_; }

  /// Takes the next batch; false at the end.
  bool next(Batch& batch);

  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = const Batch*;
    using reference = const Batch&;

    explicit Iterator(Epoch& epoch) : epoch_(&epoch) { ++*this; }
    const Batch& operator*() const { return batch_; }
    const Batch* operator->() const { return &batch_; }
    Iterator& operator++() {
      has_batch_ = epoch_->next(batch_);
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return !it.has_batch_; }

   private:
    Epoch* epoch_;
    Batch batch_;
    bool has_batch_ = false;
  };

  Iterator begin() { return Iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  struct Slot {
    Batch batch;
    std::exception_ptr error;
    bool is_ready = false;
  };

  void start();

  void stop() noexcept;

  void work();

  /// The number of the next batch that nobody makes yet, once there is room for it; -1 when there is none.
  Index claim();

  Batch take(Index k);

  Batch make(Index k) const;

  /// Streams of batches are numbered from here on: beyond all examples.
  static constexpr Index batch_stream = Index{1} << 39;

  Slot& slot(Index k) { return slots_[static_cast<std::size_t>(k % options_.prefetch)]; }

  const Dataset dataset_;
  const LoaderOptions options_;
  const std::vector<Index> order_;
  const Index epoch_;

  std::mutex mutex_;  // guards claimed_, taken_, slots_ and is_stopped_; the rest is the consumer's
  std::condition_variable room_, ready_;
  Index claimed_;
  Index taken_ = claimed_;
  Index position_;
  const Index batches_;
  std::vector<Slot> slots_;
  bool is_stopped_ = false;
  std::vector<std::thread> workers_;
};

/// Gives a dataset out in batches.
///
///     data::Loader loader(train_set, {.batch = 64, .shuffle = true, .workers = 2});
///     for (const data::Batch& batch : loader.epoch(e)) ...
///
/// Throws ValueError for options out of range. A loop throws ShapeError for images of different sizes in a batch, and
/// what the dataset or the transform throws.
class Loader {
 public:
  explicit Loader(Dataset dataset, LoaderOptions options = {});

  const Dataset& dataset() const { return dataset_; }
  const LoaderOptions& options() const { return options_; }

  /// How many batches an epoch of all examples has (with a sampler: as many as epoch 0 has).
  Index batches() const { return batches_of(options_.sampler ? static_cast<Index>(order(0).size()) : dataset_.size()); }

  /// The indices of the dataset in the order of epoch `epoch`.
  std::vector<Index> order(Index epoch) const;

  /// The batches of epoch `number` from number `first_batch` on, to be taken once. The same epoch number gives the same
  /// batches again. Throws ValueError for numbers out of range.
  Epoch epoch(Index number, Index first_batch = 0) const;

 private:
  Index batches_of(Index examples) const {
    const bool has_rest = examples % options_.batch != 0 && !options_.drop_last;
    return examples / options_.batch + (has_rest ? 1 : 0);
  }

  Dataset dataset_;
  LoaderOptions options_;
};

#if KASHI_HAS_BODIES

namespace detail {

inline void check_same_shape(const char* what, const Shape& first, const std::string& first_name, const Shape& other,
                             const std::string& other_name) {
  require<ShapeError>(first == other, "Loader: ", what, " of one batch must have one shape; got ", first, " (\"",
                      first_name, "\") and ", other, " (\"", other_name, "\") (hint: transform with data::Resize)");
}

/// Puts examples into one batch, copying their numbers.
inline Batch collate(const std::vector<Example>& examples, const std::vector<Index>& indices) {
  const auto stacked = [&](const char* what, Tensor<float> Example::*part) {
    const Example& first = examples.front();
    const Shape& shape = (first.*part).shape();
    std::vector<Index> sizes{static_cast<Index>(examples.size())};
    sizes.insert(sizes.end(), shape.begin(), shape.end());
    Tensor<float> out = Tensor<float>::empty(Shape(std::span<const Index>(sizes)));
    float* to = out.mutable_data();
    for (const Example& example : examples) {
      check_same_shape(what, shape, first.name, (example.*part).shape(), example.name);
      to = std::copy_n((example.*part).data(), shape.numel(), to);
    }
    return out;
  };
  Batch batch{.images = stacked("images", &Example::image),
              .labels = Tensor<Index>::empty({static_cast<Index>(examples.size())}),
              .targets = {},
              .indices = Tensor<Index>({static_cast<Index>(indices.size())}, indices)};
  if (std::any_of(examples.begin(), examples.end(), [](const Example& e) { return e.target.numel() > 0; }))
    batch.targets = stacked("targets", &Example::target);
  std::transform(examples.begin(), examples.end(), batch.labels.mutable_data(),
                 [](const Example& e) { return e.label; });
  return batch;
}

}  // namespace detail

KASHI_FUNCTION Epoch::Epoch(Dataset dataset, LoaderOptions options, std::vector<Index> order, Index epoch,
                            Index first_batch, Index batches)
    : dataset_(std::move(dataset)),
      options_(std::move(options)),
      order_(std::move(order)),
      epoch_(epoch),
      claimed_(first_batch),
      position_(first_batch),
      batches_(batches),
      slots_(static_cast<std::size_t>(options_.prefetch)) {
  start();
}

KASHI_FUNCTION Epoch::~Epoch() { stop(); }

KASHI_FUNCTION bool Epoch::next(Batch& batch) {
  if (position_ == batches_) return false;
  batch = workers_.empty() ? make(position_) : take(position_);
  ++position_;
  return true;
}

KASHI_FUNCTION void Epoch::start() {
  const Index wanted = std::min<Index>(options_.workers, batches_ - position_);
  workers_.reserve(static_cast<std::size_t>(wanted));
  for (Index i = 0; i < wanted; ++i) {
    try {
      workers_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      return;  // the system has no more threads: those that run, or the caller, do the work
    }
  }
}

KASHI_FUNCTION void Epoch::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
  }
  room_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

KASHI_FUNCTION void Epoch::work() {
  const ThreadLimit one(1);
  for (Index k = claim(); k >= 0; k = claim()) {
    Slot made{.batch = {}, .error = nullptr, .is_ready = true};
    try {
      made.batch = make(k);
    } catch (...) {
      made.error = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      slot(k) = std::move(made);
    }
    ready_.notify_one();
  }
}

KASHI_FUNCTION Index Epoch::claim() {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return is_stopped_ || claimed_ == batches_ || claimed_ < taken_ + options_.prefetch; });
  return is_stopped_ || claimed_ == batches_ ? -1 : claimed_++;
}

KASHI_FUNCTION Batch Epoch::take(Index k) {
  Slot taken;
  {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return slot(k).is_ready; });
    taken = std::exchange(slot(k), Slot{});
    taken_ = k + 1;
  }
  room_.notify_all();
  if (taken.error) std::rethrow_exception(taken.error);
  return std::move(taken.batch);
}

KASHI_FUNCTION Batch Epoch::make(Index k) const {
  const Index begin = k * options_.batch;
  const Index end = begin + std::min(options_.batch, static_cast<Index>(order_.size()) - begin);
  const std::vector<Index> indices(order_.begin() + begin, order_.begin() + end);
  std::vector<Example> examples;
  examples.reserve(indices.size());
  for (const Index i : indices) {
    Example& example = examples.emplace_back(dataset_.get(i));
    if (!options_.transform) continue;
    RandomStream random(options_.seed, epoch_, i);
    options_.transform(example, random);
  }
  Batch batch = detail::collate(examples, indices);
  if (options_.batch_transform) {
    RandomStream random(options_.seed, epoch_, batch_stream + k);
    options_.batch_transform(batch, random);
  }
  return batch;
}

KASHI_FUNCTION Loader::Loader(Dataset dataset, LoaderOptions options)
    : dataset_(std::move(dataset)), options_(std::move(options)) {
  require(options_.batch >= 1, "Loader: batch must be at least 1; got ", options_.batch);
  require(options_.workers >= 0, "Loader: workers can't be negative; got ", options_.workers);
  require(options_.prefetch >= 1, "Loader: prefetch must be at least 1; got ", options_.prefetch);
}

KASHI_FUNCTION std::vector<Index> Loader::order(Index epoch) const {
  if (options_.sampler) return options_.sampler(epoch);
  if (!options_.shuffle) return Tensor<Index>::arange(dataset_.size()).to_vector();
  random::Generator generator(options_.seed);
  generator.set_state({options_.seed, static_cast<std::uint64_t>(epoch)});
  return generator.permutation(dataset_.size()).to_vector();
}

KASHI_FUNCTION Epoch Loader::epoch(Index number, Index first_batch) const {
  require(number >= 0, "Loader: the epoch can't be negative; got ", number);
  std::vector<Index> indices = order(number);
  const Index count = batches_of(static_cast<Index>(indices.size()));
  require(first_batch >= 0 && first_batch <= count, "Loader: the first batch must be one of the ", count,
          " of the epoch; got ", first_batch);
  return Epoch(dataset_, options_, std::move(indices), number, first_batch, count);
}

#endif

}  // namespace kashi::inline v0::data
