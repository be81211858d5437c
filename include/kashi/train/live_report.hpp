/// LiveReport: a training's report.html while it runs.
#pragma once

#include <filesystem>
#include <functional>
#include <utility>
#include <vector>

#include <kashi/core/memory.hpp>
#include <kashi/io/atomic_file.hpp>
#include <kashi/plot/line_chart.hpp>
#include <kashi/train/report.hpp>
#include <kashi/train/trainer.hpp>

namespace kashi::inline v0::train {

/// Options of LiveReport.
struct LiveReportOptions {
  std::filesystem::path folder{};
  std::string title{};
  std::vector<std::vector<std::string>> charts{{"train_loss", "val_loss"},
                                               {"val_accuracy"}};  ///< figures that share a picture
  int refresh_seconds = 20;
};

/// Writes report.html after every epoch, a page that loads itself again: curves, the last figures, time left, memory.
/// It leaves report.json alone, which only a finished run has. A template so that only programs which use it compile
/// it. Use the name LiveReport.
template <class Report>
class BasicLiveReport : public Callback {
 public:
  explicit BasicLiveReport(LiveReportOptions options) : options_(std::move(options)) {}

  void on_epoch_end(Trainer& trainer, EpochLog& log) override {
    std::vector<EpochLog> history = trainer.history();
    history.push_back(log);
    double seconds = 0;
    for (const EpochLog& epoch : history) seconds += epoch.seconds;
    Report report(options_.title, text("Epoch ", log.epoch, " of ", log.epochs, " is done."));
    report.set("epoch", log.epoch);
    for (const auto& [name, value] : log.values()) report.set(name, value);
    report.set("images_per_second", log.images_per_second);
    report.set("seconds", seconds);
    report.set("seconds_left", seconds / static_cast<double>(log.epoch) * static_cast<double>(log.epochs - log.epoch));
    report.set("memory_mb", static_cast<double>(memory::peak_of_process()) / 1e6);
    report.headline("epoch");
    report.headline("seconds_left", {.label = "time left", .format = Format::seconds});
    report.headline("memory_mb", {.label = "memory", .note = "MB at most"});
    for (const auto& figures : options_.charts) add_chart(report, history, figures);
    io::write_atomically(options_.folder / "report.html", report.html({.refresh_seconds = options_.refresh_seconds}),
                         "cannot write report");
  }

 private:
  static void add_chart(Report& report, const std::vector<EpochLog>& history, const std::vector<std::string>& figures) {
    std::vector<plot::Series> series;
    std::string names;
    for (const std::string& figure : figures) {
      if (!history.back().contains(figure)) continue;
      plot::Series& line = series.emplace_back();
      line.name = figure;
      for (const EpochLog& epoch : history)
        line.y.push_back(epoch.contains(figure) ? epoch.at(figure) : std::numeric_limits<double>::quiet_NaN());
      names += (names.empty() ? "" : ", ") + figure;
    }
    if (!series.empty())
      report.picture("Training", figures.front() + ".png",
                     plot::line_chart(series, {.title = names, .x_label = "epoch"}), names + " after each epoch");
  }

  LiveReportOptions options_;
};

using LiveReport = BasicLiveReport<Report>;

}  // namespace kashi::inline v0::train
