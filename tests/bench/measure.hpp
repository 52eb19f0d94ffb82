// Processor time of small pieces of work.
#pragma once

#include <algorithm>
#include <ctime>
#include <vector>

namespace syncline::bench {

struct Nanoseconds {
    double median = 0;
    double best = 0;
};

// Of one run of `body`, over several rounds, in processor time: the machine may be busy.
template <class Body>
Nanoseconds measure(int runs_per_round, Body body) {
    constexpr int kRounds = 9;
    std::vector<double> rounds;
    for (int round = 0; round < kRounds; ++round) {
        const auto begin = std::clock();
        for (int i = 0; i < runs_per_round; ++i) body();
        const auto seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
        rounds.push_back(seconds * 1e9 / runs_per_round);
    }
    std::sort(rounds.begin(), rounds.end());
    return {rounds[kRounds / 2], rounds.front()};
}

}  // namespace syncline::bench
