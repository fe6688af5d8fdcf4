// SPDX-License-Identifier: BSD-2-Clause
// The part "ab" of a file, and "gate" beside it, as plain C.
#ifndef CLI_RESULTS_AB_HH
#define CLI_RESULTS_AB_HH

#include "results_ab.h"

#include "result_keys.hh"

#include <deque>

class AbReader {
  public:
    // NULL: the file has no such part. What it returns is valid until the next call.
    const results_ab *read(dom::object all);

  private:
    results_ab ab;
    std::vector<results_trial> trials;
    std::vector<results_launch> launches;
    std::deque<std::string> made; // texts that are not in the file

    results_text keep(std::string &&text);
    results_text cpus(dom::element value);
    void read_arms(dom::array list);
    void read_rule(dom::object rule);
    void read_noise(dom::object noise);
    void read_gate(dom::object gate);
    void read_launch(dom::object object);
    void read_change(dom::object object, results_change *change);
    void read_changes(dom::object object, results_trial *t);
    void read_verdicts(dom::object object, results_trial *t);
    void read_more(dom::object object, results_trial *t);
    void read_trial(dom::object object);
    void read_parts(dom::object object);
    void check_names() const;
};

#endif
