// What launchers tell a process of its place, each alone and several together.
#include <gtest/gtest.h>

#include "res2clip/processes/communicator.hpp"

#include "support/variables.hpp"

namespace res2clip {
namespace {

using testing::Values;
using testing::Variables;

const Values kTorchrun = {{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "1"}, {"LOCAL_WORLD_SIZE", "2"}};
const Values kSlurm = {{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_LOCALID", "0"}};
const Values kOpenMpi = {{"OMPI_COMM_WORLD_RANK", "3"},
                         {"OMPI_COMM_WORLD_SIZE", "8"},
                         {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                         {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};
const Values kHydra = {
    {"PMI_RANK", "5"}, {"PMI_SIZE", "6"}, {"MPI_LOCALRANKID", "2"}, {"MPI_LOCALNRANKS", "3"}};

/// "rank/size local_rank/local_size" with the variables of several launchers set.
std::string place_with(const std::vector<Values>& launchers) {
  Values all;
  for (const Values& launcher : launchers) all.insert(launcher.begin(), launcher.end());
  const Variables variables(all);
  const ProcessPlace place = place_from_environment();
  return std::to_string(place.rank) + "/" + std::to_string(place.size) + " " +
         std::to_string(place.local_rank) + "/" + std::to_string(place.local_size);
}

TEST(ProcessPlace, IsWhatEachLauncherAloneTells) {
  EXPECT_EQ(place_with({}), "0/1 0/1");
  EXPECT_EQ(place_with({kTorchrun}), "1/2 1/2");
  EXPECT_EQ(place_with({kSlurm}), "0/1 0/1");
  EXPECT_EQ(place_with({kOpenMpi}), "3/8 1/2");
  EXPECT_EQ(place_with({kHydra}), "5/6 2/3");
  EXPECT_EQ(place_with({{{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}}}), "1/2 1/1");
}

TEST(ProcessPlace, WithinAnAllocationOfSlurmIsWhatMpirunTells) {
  EXPECT_EQ(place_with({kSlurm, kOpenMpi}), "3/8 1/2");
  EXPECT_EQ(place_with({kSlurm, kHydra}), "5/6 2/3");
}

TEST(ProcessPlace, IsWhatSrunTellsIfItSetsPmiVariablesToo) {
  const Values slurm = {{"SLURM_PROCID", "2"}, {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_LOCALID", "2"}};
  EXPECT_EQ(place_with({slurm, {{"PMI_RANK", "2"}, {"PMI_SIZE", "4"}}}), "2/4 2/1");
}

TEST(ProcessPlace, WithTheVariablesOfAllLaunchersIsTorchruns) {
  EXPECT_EQ(place_with({kTorchrun, kSlurm, kOpenMpi, kHydra}), "1/2 1/2");
  EXPECT_EQ(place_with({kSlurm, kOpenMpi, kHydra}), "3/8 1/2");
}

TEST(ProcessPlace, UnderSrunCountsTheTasksOfItsNodeWhateverOptionsItWasGiven) {
  const auto local_size_on = [](const std::string& node, const std::string& counts) {
    return place_with({{{"SLURM_PROCID", "0"},
                        {"SLURM_STEP_NUM_TASKS", "16"},
                        {"SLURM_LOCALID", "0"},
                        {"SLURM_NODEID", node},
                        {"SLURM_STEP_TASKS_PER_NODE", counts}}});
  };
  EXPECT_EQ(local_size_on("0", "4"), "0/16 0/4");
  EXPECT_EQ(local_size_on("2", "2(x3),1"), "0/16 0/2");
  EXPECT_EQ(local_size_on("3", "2(x3),1"), "0/16 0/1");
  EXPECT_EQ(local_size_on("1", "7,5(x2)"), "0/16 0/5");
  EXPECT_EQ(local_size_on("9", "2(x3),1"), "0/16 0/1") << "a node that is not in the list";
  EXPECT_EQ(local_size_on("0", "many"), "0/16 0/1");
  EXPECT_EQ(place_with({{{"SLURM_PROCID", "0"},
                         {"SLURM_STEP_NUM_TASKS", "16"},
                         {"SLURM_LOCALID", "0"},
                         {"SLURM_NTASKS_PER_NODE", "8"}}}),
            "0/16 0/8");
}

}  // namespace
}  // namespace res2clip
