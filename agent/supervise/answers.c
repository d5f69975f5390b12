/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/answers.h"

void answers_add(struct answers *answers, bool good)
{
	answers->good[answers->next] = good;
	answers->next = (answers->next + 1) % SPEC_MAX_ANSWERS;
	if (answers->count < SPEC_MAX_ANSWERS)
		answers->count++;
}

int answers_count(const struct answers *answers, int last, bool good)
{
	int found = 0;

	for (int i = 1; i <= last && i <= answers->count; i++) {
		int place = (answers->next - i + SPEC_MAX_ANSWERS) % SPEC_MAX_ANSWERS;

		found += answers->good[place] == good;
	}
	return found;
}

enum probe_verdict answers_verdict(const struct answers *answers, const struct probe_spec *spec,
				   bool forgiving, enum probe_verdict before)
{
	if (!forgiving && answers_count(answers, spec->failure_of, false) >= spec->failure)
		return PROBE_BAD;
	if (answers_count(answers, spec->success_of, true) >= spec->success)
		return PROBE_GOOD;
	return before;
}
