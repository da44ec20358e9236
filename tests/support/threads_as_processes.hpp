#pragma once

#include <barrier>
#include <string>
#include <vector>

#include "res2clip/processes/communicator.hpp"

namespace res2clip::testing {

/// Threads that stand for the processes of a job: where they meet, and what each has handed in.
struct Meeting {
  explicit Meeting(int size) : everybody(size), table(static_cast<std::size_t>(size)) {}
  std::barrier<> everybody;
  std::vector<std::string> table;
};

class ThreadAsProcess : public Communicator {
 public:
  ThreadAsProcess(int rank, Meeting& meeting) : rank_(rank), meeting_(meeting) {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(meeting_.table.size()); }
  void sum(at::Tensor&) override {}
  std::vector<std::string> gather(const std::string& bytes, std::chrono::seconds) override {
    meeting_.table[static_cast<std::size_t>(rank_)] = bytes;
    meeting_.everybody.arrive_and_wait();
    const std::vector<std::string> all = meeting_.table;
    meeting_.everybody.arrive_and_wait();  // before the first writes into the table again
    return all;
  }

 private:
  int rank_;
  Meeting& meeting_;
};

}  // namespace res2clip::testing
