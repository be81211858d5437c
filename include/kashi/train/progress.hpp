/// Progress for a person: a bar with rate, memory and time left on a terminal, one plain line an epoch otherwise; and a
/// CSV log.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include <kashi/core/memory.hpp>
#include <kashi/io/atomic_file.hpp>
#include <kashi/train/trainer.hpp>

namespace kashi::inline v0::train {

namespace detail {

/// "2:05" or "1:02:05".
template <class = void>
inline std::string clock_text(double seconds) {
  const long total = std::isfinite(seconds) && seconds > 0 ? static_cast<long>(seconds + 0.5) : 0;
  char buffer[32];
  if (total >= 3600)
    std::snprintf(buffer, sizeof buffer, "%ld:%02ld:%02ld", total / 3600, total / 60 % 60, total % 60);
  else
    std::snprintf(buffer, sizeof buffer, "%ld:%02ld", total / 60, total % 60);
  return buffer;
}

inline std::string figure_text(const std::string& name, double value) {
  char buffer[96];
  std::snprintf(buffer, sizeof buffer, std::abs(value) < 0.01 && value != 0 ? "%s %.2e" : "%s %.4f", name.c_str(),
                value);
  return buffer;
}

}  // namespace detail

/// Shows how a training goes, on standard error unless another stream is given.
class ProgressBar : public Callback {
 public:
  explicit ProgressBar(std::FILE* stream = stderr) : stream_(stream), is_terminal_(isatty(fileno(stream)) != 0) {}

  void on_step(Trainer&, const StepLog& log) override {
    if (!is_terminal_) return;
    constexpr Index width = 24;
    // A terminal redraws about ten times a second.
    if (log.batch < log.batches && log.seconds - drawn_ < 0.1 && log.seconds >= drawn_) return;
    drawn_ = log.seconds;
    const double rate = static_cast<double>(log.images) / std::max(log.seconds, 1e-9);
    const double left = log.seconds / static_cast<double>(std::max<Index>(1, log.batches_run)) *
                        static_cast<double>(log.batches - log.batch + (log.epochs - log.epoch) * log.batches);
    const Index filled = width * log.batch / std::max<Index>(1, log.batches);
    std::string bar(static_cast<std::size_t>(filled), '=');
    bar.resize(static_cast<std::size_t>(width), ' ');
    std::fprintf(stream_, "\r\033[Kepoch %ld/%ld [%s] loss %.4f  %.0f images/s  %.0f MB  %s left",
                 static_cast<long>(log.epoch), static_cast<long>(log.epochs), bar.c_str(), log.loss, rate,
                 static_cast<double>(memory::peak_of_process()) / 1e6, detail::clock_text(left).c_str());
    std::fflush(stream_);
  }

  void on_epoch_end(Trainer&, EpochLog& log) override {
    std::string line = text("epoch ", log.epoch, "/", log.epochs);
    for (const auto& [name, value] : log.values()) line += "  " + detail::figure_text(name, value);
    std::fprintf(stream_, "%s%s  %.0f images/s\n", is_terminal_ ? "\r\033[K" : "", line.c_str(), log.images_per_second);
    std::fflush(stream_);
  }

 private:
  std::FILE* stream_;
  bool is_terminal_;
  double drawn_ = 0;
};

/// Writes every epoch's figures as a row of a CSV file (epoch, seconds, images_per_second, then the figures), anew each
/// time, so that a resumed training's file has no gaps and no doubles. Throws IoError.
class CsvLog : public Callback {
 public:
  explicit CsvLog(std::filesystem::path path) : path_(std::move(path)) {}

  void on_fit_begin(Trainer&) override { rows_.clear(); }
  void on_epoch_end(Trainer&, EpochLog& log) override {
    if (rows_.empty()) {
      rows_ = "epoch,seconds,images_per_second";
      for (const auto& [name, value] : log.values()) rows_ += "," + name;
      rows_ += "\n";
    }
    rows_ += text(log.epoch, ",", log.seconds, ",", log.images_per_second);
    for (const auto& [name, value] : log.values()) {
      char buffer[32];
      std::snprintf(buffer, sizeof buffer, ",%.9g", value);
      rows_ += buffer;
    }
    rows_ += "\n";
    io::write_atomically(path_, rows_);
  }
  void save(io::TensorFile& file, const std::string& prefix) const override { file.metadata[prefix + "rows"] = rows_; }
  void load(const io::TensorFile& file, const std::string& prefix) override {
    const auto found = file.metadata.find(prefix + "rows");
    if (found != file.metadata.end()) rows_ = found->second;
  }

 private:
  std::filesystem::path path_;
  std::string rows_;
};

}  // namespace kashi::inline v0::train
