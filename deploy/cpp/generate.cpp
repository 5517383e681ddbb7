// One generation without Python: loads an exported module with libtorch, encodes one context,
// lets the compiled search run, and prints the tokens with their log-probabilities.
//
//   generate MODEL END CAP PREFIX[,PREFIX...] [TOKEN...]
//
// e.g. `generate out/torchscript/model.pt 4007 120 4006 4018 7 95 12 4019`. Tokens are read from
// standard input where none are given. Text and ids are tokenizer.json's business, which any
// binding of the tokenizers library reads; see README.md for where the numbers come from.

#include <ATen/Parallel.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/script.h>

#include <cstdint>
#include <exception>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace {

using Ids = std::vector<std::int64_t>;

std::int64_t number(const std::string& text, const char* what) {
  std::size_t read = 0;
  std::int64_t value = -1;
  try {
    value = std::stoll(text, &read);
  } catch (const std::exception&) {
  }
  if (read == 0 || read != text.size() || value < 0) {
    throw std::invalid_argument(std::string(what) + " is '" + text + "'; expected a number");
  }
  return value;
}

Ids numbers(std::istream& source, char separator, const char* what) {
  Ids ids;
  std::string text;
  while (std::getline(source, text, separator)) {
    ids.push_back(number(text, what));
  }
  return ids;
}

struct Question {
  std::string model;
  Ids context, prefix;
  std::int64_t end = 0, cap = 0;
};

Question parse(const std::vector<std::string>& arguments) {
  if (arguments.size() < 4) {
    throw std::invalid_argument("usage: generate MODEL END CAP PREFIX[,PREFIX...] [TOKEN...]");
  }
  Question asked;
  asked.model = arguments[0];
  asked.end = number(arguments[1], "END");
  asked.cap = number(arguments[2], "CAP");
  std::istringstream prefix(arguments[3]);
  asked.prefix = numbers(prefix, ',', "PREFIX");
  for (std::size_t place = 4; place < arguments.size(); ++place) {
    asked.context.push_back(number(arguments[place], "TOKEN"));
  }
  if (asked.context.empty()) {
    std::string token;
    while (std::cin >> token) {
      asked.context.push_back(number(token, "TOKEN"));
    }
  }
  if (asked.context.empty() || asked.prefix.empty() || asked.cap == 0) {
    throw std::invalid_argument("expected at least one token, one prefix token and a cap over 0");
  }
  return asked;
}

// What the module's `search` returns of its one row: tokens, and a log-probability for each.
std::tuple<Ids, std::vector<double>> generate(torch::jit::Module& module, const Question& asked) {
  const c10::InferenceMode inference;
  const auto encoded = module.run_method("encode", std::vector<Ids>{asked.context}).toTuple();
  const auto found = module.run_method(
      "search",
      encoded->elements()[0],                // keys and values of each decoder layer
      encoded->elements()[1],                // tokens of each context
      Ids{0},                                // the row looks at the first context
      std::vector<Ids>{asked.prefix},
      Ids{asked.end},
      Ids{asked.cap},
      std::vector<double>{1.0},              // temperature
      c10::IValue(),                         // no token automaton
      Ids{0}).toTuple();
  const auto rows = found->elements()[0].toList();
  const auto log_probs = found->elements()[1].toList();
  return {rows.get(0).toIntVector(), log_probs.get(0).toDoubleVector()};
}

}  // namespace

int main(int count, char** values) {
  try {
    const Question asked = parse({values + 1, values + count});
    at::set_num_threads(1);
    // The executor's optimiser would profile the first calls and gain nothing; see the engine.
    torch::jit::setGraphExecutorOptimize(false);
    torch::jit::Module module = torch::jit::load(asked.model, c10::kCPU);
    const auto [ids, log_probs] = generate(module, asked);
    std::cout << std::setprecision(9);
    for (std::size_t place = 0; place < ids.size(); ++place) {
      std::cout << ids[place] << ' ' << log_probs[place] << '\n';
    }
  } catch (const c10::Error& error) {
    std::cerr << "generate: " << error.what_without_backtrace() << '\n';
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "generate: " << error.what() << '\n';
    return 1;
  }
}
