/// A program that measures on demand: the comparison keeps one for each library and asks them in turn, so that all of
/// them meet the same moods of the machine.
///
/// It reads lines of words with tabs between them and answers each with one line of JSON:
///
///     prepare  KIND  WORD...     what to run: {"variants": [[weights, name], ...]} or {"skip": "why not"}
///     burst    MILLISECONDS  N   {"ms": [best of a call, one for each variant]}, over N repetitions
///     keep     INDEX...          goes on with these variants only: {"kept": n}
///     memory                     {"peak_rss_mb": n}: the most that the process ever held
///     peak                       {"gflops": n}: multiply-adds of one core
///     bandwidth                  {"gbytes": n}: copied a second in main memory by all threads, read and written
///
/// On one thread it counts the process's own CPU time, whatever else runs; on more, the clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <sys/resource.h>

namespace bench {

/// One way to do what was asked for. `weights`: "prepared", "packed" (each time), or "both" where it is the same.
struct Variant {
  std::string weights;
  std::string name;
  std::function<void()> run;
};

/// Something that this library can't do; the reason is shown.
struct Skip {
  std::string reason;
};

using Words = std::vector<std::string>;

struct Server {
  std::string name;
  std::string settings;
  int threads = 1;
  std::function<std::vector<Variant>(const Words&)> prepare;
  std::function<double()> peak = [] { return 0.0; };
  std::function<double()> bandwidth = [] { return 0.0; };
};

namespace detail {

inline double seconds(int threads) {
  if (threads > 1) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// The best of some repetitions of about `milliseconds` each, after half of one to warm up.
inline double best_milliseconds(const Variant& variant, double milliseconds, int repetitions, int threads) {
  const auto time_of = [&](int calls) {
    const double start = seconds(threads);
    for (int i = 0; i < calls; ++i) variant.run();
    return (seconds(threads) - start) * 1e3 / calls;
  };
  double best = time_of(1), spent = best;
  while (spent < milliseconds / 2) {
    const double latest = time_of(1);
    best = std::min(best, latest);
    spent += std::max(latest, 1e-3);
  }
  const int calls = std::max(1, static_cast<int>(milliseconds / std::max(best, 1e-4)));
  for (int i = 0; i < repetitions; ++i) best = std::min(best, time_of(calls));
  return best;
}

inline std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' || c == '\t' ? ' ' : c;
  }
  return out + '"';
}

template <class Items, class Text>
std::string list(const Items& items, Text&& text) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += ", ";
    out += text(item);
  }
  return '[' + out + ']';
}

inline std::string number(double value) {
  char out[32];
  std::snprintf(out, sizeof out, "%.6g", value);
  return out;
}

inline double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

inline Words words_of(const std::string& line) {
  Words words;
  std::istringstream stream(line);
  for (std::string word; std::getline(stream, word, '\t');) words.push_back(word);
  return words;
}

inline std::string answer(const Server& server, const Words& words, std::vector<Variant>& variants) {
  if (words.at(0) == "prepare") {
    variants.clear();
    variants = server.prepare(Words(words.begin() + 1, words.end()));
    const auto pair = [](const Variant& v) { return list(Words{v.weights, v.name}, quoted); };
    return "{\"variants\": " + list(variants, pair) + "}";
  }
  if (words.at(0) == "keep") {
    std::vector<Variant> kept;
    for (std::size_t i = 1; i < words.size(); ++i) kept.push_back(variants.at(std::stoul(words[i])));
    variants = std::move(kept);
    return "{\"kept\": " + std::to_string(variants.size()) + "}";
  }
  if (words.at(0) == "burst") {
    const double milliseconds = std::stod(words.at(1));
    const int repetitions = std::stoi(words.at(2));
    const auto best = [&](const Variant& v) {
      return number(best_milliseconds(v, milliseconds, repetitions, server.threads));
    };
    return "{\"ms\": " + list(variants, best) + "}";
  }
  if (words.at(0) == "memory") return "{\"peak_rss_mb\": " + number(peak_rss_mb()) + "}";
  if (words.at(0) == "peak") return "{\"gflops\": " + number(server.peak()) + "}";
  if (words.at(0) == "bandwidth") return "{\"gbytes\": " + number(server.bandwidth()) + "}";
  return "{\"error\": " + quoted("unknown request " + words[0]) + "}";
}

}  // namespace detail

/// Says hello, then answers until standard input ends.
inline int serve(const Server& server) {
  std::cout << "{\"name\": " << detail::quoted(server.name) << ", \"settings\": " << detail::quoted(server.settings)
            << "}" << std::endl;
  std::vector<Variant> variants;
  for (std::string line; std::getline(std::cin, line);) {
    std::string answer;
    try {
      answer = detail::answer(server, detail::words_of(line), variants);
    } catch (const Skip& skip) {
      answer = "{\"skip\": " + detail::quoted(skip.reason) + "}";
    } catch (const std::exception& error) {
      answer = "{\"error\": " + detail::quoted(error.what()) + "}";
    }
    std::cout << answer << std::endl;
  }
  return 0;
}

}  // namespace bench
