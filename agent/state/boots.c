/* SPDX-License-Identifier: Apache-2.0 */
#include "state/boots.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "state/sql.h"

enum { NAME_SIZE = 40, BOOTS_KEPT = 1000 };

static const char NAME_FILE[] = "/proc/sys/kernel/random/boot_id";

/* Clocks of boards drift; over a long time offline the boot clock is not exact either. */
#define DRIFT_PARTS 10000 /* one second in 10,000 */

/* Without the file every start of the agent counts as a boot of its own. */
static void read_name(char out[NAME_SIZE])
{
	int fd = open(NAME_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd >= 0 ? read(fd, out, NAME_SIZE - 1) : 0;

	if (fd >= 0)
		close(fd);
	out[size > 0 ? size : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

/* The newest boot whose name this is; 0: none yet. */
static bool find(struct state *state, const char *name, int64_t *id, struct error *err)
{
	static const char SQL[] = "SELECT id FROM boot WHERE name = ?1";
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, name);
	if (!sql_step(state, statement, &row, err))
		return false;
	*id = row ? sqlite3_column_int64(statement, 0) : 0;
	sql_done(statement);
	return true;
}

static bool run_with(struct state *state, const char *sql, const char *name, int64_t a, int64_t b,
		     struct error *err)
{
	sqlite3_stmt *statement;

	if (!sql_prepare(state, sql, &statement, err))
		return false;
	sql_bind_text(statement, 1, name);
	sql_bind_int(statement, 2, a);
	sql_bind_int(statement, 3, b);
	return sql_run(state, statement, err);
}

static bool insert(struct state *state, const char *name, int64_t *id, struct error *err)
{
	static const char SQL[] = "INSERT INTO boot(name, least, most) VALUES(?1, ?2, ?3)";
	/* A device that boots in a loop must not fill its disk. */
	static const char TRIM[] = "DELETE FROM boot WHERE name <> ?1 AND id < ?2 - ?3";

	if (!run_with(state, SQL, name, 0, INT64_MAX, err))
		return false;
	*id = sqlite3_last_insert_rowid(state->db);
	return run_with(state, TRIM, name, *id, BOOTS_KEPT, err);
}

static bool current(struct state *state, int64_t *id, struct error *err)
{
	char name[NAME_SIZE];

	if (state->boot == 0) {
		read_name(name);
		if (!find(state, name, &state->boot, err) ||
		    (state->boot == 0 && !insert(state, name, &state->boot, err))) {
			state->boot = 0;
			return false;
		}
	}
	*id = state->boot;
	return true;
}

bool boots_stamp(struct state *state, struct boot_stamp *out, struct error *err)
{
	*out = (struct boot_stamp){.uptime = clock_boottime(), .wall = clock_now_utc()};
	return current(state, &out->boot, err);
}

static bool update(struct state *state, const char *sql, usec_t least, usec_t most,
		   struct error *err)
{
	sqlite3_stmt *statement;
	int64_t id;

	if (!current(state, &id, err) || !sql_prepare(state, sql, &statement, err))
		return false;
	sql_bind_int(statement, 1, id);
	sql_bind_int(statement, 2, least);
	sql_bind_int(statement, 3, most);
	return sql_run(state, statement, err);
}

bool boots_learn_least(struct state *state, usec_t least, struct error *err)
{
	/* Within the interval of an answer it is news; beyond it, a clock has drifted. */
	static const char SQL[] = "UPDATE boot SET least = max(least, ?2), most = max(most, ?2)"
				  " WHERE id = ?1 AND ?3 = 0 AND least < ?2";

	return update(state, SQL, least, 0, err);
}

bool boots_learn(struct state *state, usec_t least, usec_t most, struct error *err)
{
	static const char SQL[] = "UPDATE boot SET least = ?2, most = ?3 WHERE id = ?1";

	return update(state, SQL, least, most, err);
}

struct interval {
	usec_t least, most;
};

/* When a boot began. Whatever happened in it lies before the next one began. */
static bool began(struct state *state, int64_t boot, struct interval *out, usec_t *next,
		  bool *found, struct error *err)
{
	static const char SQL[] =
		"SELECT least, most, (SELECT min(most) FROM boot later WHERE later.id > boot.id)"
		" FROM boot WHERE id = ?1";
	sqlite3_stmt *statement;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_int(statement, 1, boot);
	if (!sql_step(state, statement, found, err))
		return false;
	if (*found) {
		out->least = sqlite3_column_int64(statement, 0);
		out->most = sqlite3_column_int64(statement, 1);
		*next = sqlite3_column_type(statement, 2) == SQLITE_NULL
				? INT64_MAX
				: sqlite3_column_int64(statement, 2);
		sql_done(statement);
	}
	return true;
}

static usec_t plus(usec_t time, usec_t by)
{
	return time > INT64_MAX - by ? INT64_MAX : time + by;
}

bool boots_correction(struct state *state, const struct boot_stamp *stamp, usec_t *correction,
		      struct error *err)
{
	struct interval boot;
	usec_t next;
	bool found = false;

	*correction = 0;
	if (stamp->boot == 0)
		return true;
	if (!began(state, stamp->boot, &boot, &next, &found, err))
		return false;
	if (!found || boot.least == 0)
		return true;
	usec_t slack = BOOTS_TOLERANCE + stamp->uptime / DRIFT_PARTS;
	usec_t least = plus(boot.least, stamp->uptime);
	usec_t most = plus(boot.most, stamp->uptime);
	most = most < next ? most : next;
	if (stamp->wall >= least - slack && stamp->wall <= plus(most, slack))
		return true;
	/* The middle of an answered question; of a bound alone that bound is the best that is known. */
	usec_t best = boot.most == INT64_MAX ? least : least + (boot.most - boot.least) / 2;
	*correction = best - stamp->wall;
	return true;
}
