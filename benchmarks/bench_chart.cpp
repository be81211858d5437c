// Draws bench.json: how many times faster than the fastest peer each convolution of the set "peers" is.
//
//     bench_chart BENCH.json OUT.png [THREADS]
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <kashi/io/image.hpp>
#include <kashi/plot/bar_chart.hpp>

namespace {

using namespace kashi;

/// One series a direction, one label a problem; weights prepared.
void draw(const nlohmann::json& result, const std::string& path, int threads) {
  std::vector<std::string> labels;
  std::map<std::string, std::map<std::string, double>> ratios;
  for (const auto& row : result.at("rows")) {
    if (row.at("set") != "peers" || row.at("weights") != "prepared" || row.at("threads") != threads) continue;
    if (row.at("ratio_best_peer").is_null()) continue;
    const std::string name = row.at("name");
    if (labels.empty() || labels.back() != name) labels.push_back(name);
    ratios[row.at("direction")][name] = row.at("ratio_best_peer");
  }
  require<FormatError>(!labels.empty(), "bench_chart: the file has no rows of the set \"peers\" at ", threads,
                       " threads");
  std::vector<plot::BarSeries> series;
  for (const char* direction : {"forward", "backward_data", "backward_weight"}) {
    plot::BarSeries one{.name = direction};
    for (const std::string& label : labels) {
      const auto found = ratios[direction].find(label);
      one.values.push_back(found == ratios[direction].end() ? std::nan("") : found->second);
    }
    series.push_back(one);
  }
  io::save_png(path, plot::bar_chart(labels, series,
                                     {.title = text("Time of the fastest peer / time of kashi, ", threads, " thread",
                                                    threads == 1 ? "" : "s"),
                                      .x_label = "above 1: kashi is faster",
                                      .decimals = 2}));
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: bench_chart BENCH.json OUT.png [THREADS]\n");
    return 2;
  }
  try {
    std::ifstream file(arguments[1]);
    require<IoError>(file.good(), "bench_chart: can't read ", arguments[1]);
    draw(nlohmann::json::parse(file), arguments[2], count > 3 ? std::stoi(arguments[3]) : 1);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
