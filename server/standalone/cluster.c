/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "base/spawn.h"
#include "standalone/leftover.h"

enum {
	SMALL_FILE_BYTES = 64 * 1024,
	STOP_GRACE_MS = 30000,
	TOOL_LOOK_MS = 50,
	TOOL_GRACE_MS = 5000
};

#define SOCKET_NAME "/.s.PGSQL.5432"

/* What the single-user server is told before anybody can connect. */
static const char ROLE_AND_DATABASE[] = "CREATE ROLE muster LOGIN\n"
					"CREATE DATABASE muster OWNER muster\n";

/* Goes below the commented defaults of initdb; an administrator may change it. */
static const char SETTINGS[] = "\n# Presets of musterd standalone\n"
			       "max_connections = 100\n"
			       "jit = off\n"
			       "log_min_messages = warning\n"
			       "log_checkpoints = off\n"
			       "log_timezone = 'UTC'\n"
			       "timezone = 'UTC'\n";

static bool has_programs(const char *folder, struct arena *arena)
{
	return access(arena_printf(arena, "%s/postgres", folder), X_OK) == 0 &&
	       access(arena_printf(arena, "%s/initdb", folder), X_OK) == 0;
}

/* The folder of a version, or of the newest one when version is NULL. */
static const char *find_installed(const char *version, struct arena *arena)
{
	const char *found = NULL;
	long best = 0;
	glob_t folders;

	if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &folders) != 0)
		return NULL;
	for (size_t i = 0; i < folders.gl_pathc; i++) {
		const char *folder = folders.gl_pathv[i];
		long number = strtol(folder + strlen("/usr/lib/postgresql/"), NULL, 10);

		if (version != NULL ? number == strtol(version, NULL, 10) : number > best)
			if (has_programs(folder, arena)) {
				best = number;
				found = arena_strdup(arena, folder);
			}
	}
	globfree(&folders);
	return found;
}

static const char *find_in_path(struct arena *arena)
{
	const char *path = getenv("PATH");

	while (path != NULL && *path != '\0') {
		size_t length = strcspn(path, ":");
		const char *folder = arena_strndup(arena, path, length);

		if (length > 0 && has_programs(folder, arena))
			return folder;
		path += length;
		path += *path == ':';
	}
	return NULL;
}

static bool find_programs(struct cluster *cluster, struct arena *arena, struct error *err)
{
	const char *chosen = getenv("MUSTER_POSTGRES_BIN");
	char *version = NULL;
	struct error absent = {0};

	if (chosen != NULL && *chosen != '\0') {
		cluster->programs = chosen;
		return has_programs(chosen, arena) ||
		       error_set(err, ERR_NOT_FOUND,
				 "MUSTER_POSTGRES_BIN=%.150s holds no initdb and postgres", chosen);
	}
	/* An existing cluster needs the version that made it. */
	if (file_read(arena_printf(arena, "%s/PG_VERSION", cluster->data), SMALL_FILE_BYTES, arena,
		      &version, NULL, &absent))
		version[strcspn(version, "\n")] = '\0';
	cluster->programs = find_installed(version, arena);
	if (cluster->programs == NULL)
		cluster->programs = find_in_path(arena);
	if (cluster->programs != NULL)
		return true;
	return error_set(err, ERR_NOT_FOUND,
			 "PostgreSQL %s is not installed (package postgresql, or set "
			 "MUSTER_POSTGRES_BIN)",
			 version == NULL ? "15" : version);
}

/*
 * Socket paths are limited to about a hundred bytes. Below a data directory that is too deep, the
 * socket goes to a folder of /tmp whose name follows from the directory.
 */
static const char *choose_socket_folder(const struct tree *tree, struct arena *arena)
{
	const char *folder = arena_printf(arena, "%s/pg", tree->run);
	char digest[SHA256_HEX_SIZE];

	if (strlen(folder) + sizeof(SOCKET_NAME) <= sizeof(((struct sockaddr_un *)0)->sun_path))
		return folder;
	sha256_hex(tree->root, strlen(tree->root), digest);
	return arena_printf(arena, "/tmp/muster-%.16s", digest);
}

/* A folder of /tmp may have been put there by somebody else. */
static bool check_socket_folder(const struct cluster *cluster, struct error *err)
{
	struct stat status;
	uid_t owner = cluster->account.change ? cluster->account.uid : geteuid();

	if (lstat(cluster->socket_folder, &status) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot use %s",
				       cluster->socket_folder);
	if (!S_ISDIR(status.st_mode) || status.st_uid != owner || (status.st_mode & 077) != 0)
		return error_set(err, ERR_FORBIDDEN, "%s belongs to somebody else",
				 cluster->socket_folder);
	return true;
}

/* Runs a program of PostgreSQL to its end, with input (may be NULL) on its standard input. */
static bool run_tool(const struct cluster *cluster, char *const *argv, const char *input,
		     struct error *err)
{
	CLEANUP(fd_cleanup) int in = -1;
	CLEANUP(fd_cleanup) int log = -1;
	FILE *file = tmpfile();

	if (file == NULL)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not make a file");
	if (input != NULL)
		fputs(input, file);
	rewind(file);
	in = dup(fileno(file));
	fclose(file);
	log = open(cluster->log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (in < 0 || log < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not open %s",
				       cluster->log_path);
	const struct spawn_fd fds[] = {
		{in, STDIN_FILENO}, {log, STDOUT_FILENO}, {log, STDERR_FILENO}};
	struct spawn_options options = {
		.argv = argv,
		.folder = "/",
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
		.flags = SPAWN_SESSION | SPAWN_NO_NEW_PRIVS | SPAWN_DIE_WITH_PARENT,
		.umask = 077,
	};
	struct child child;
	account_apply(&cluster->account, &options);
	if (!spawn(&options, &child, err))
		return false;
	int status;
	while (!child_wait_timeout(&child, TOOL_LOOK_MS, &status))
		if (cluster->told_to_stop(cluster->arg)) {
			child_stop(&child, true, TOOL_GRACE_MS);
			return error_set(err, ERR_UNAVAILABLE, "told to stop");
		}
	if (status != 0)
		return error_set(err, ERR_INTERNAL, "%s %s, see %s", argv[0],
				 wait_status_text(status), cluster->log_path);
	return true;
}

static bool append_settings(const struct cluster *cluster, const char *folder, struct arena *arena,
			    struct error *err)
{
	const char *path = arena_printf(arena, "%s/postgresql.conf", folder);
	char *text;

	if (!file_read(path, SMALL_FILE_BYTES, arena, &text, NULL, err))
		return false;
	return account_write_file(&cluster->account, path,
				  arena_printf(arena, "%s%s", text, SETTINGS), err);
}

/* Everything happens in a folder beside; its renaming is what makes the cluster exist. */
static bool make_cluster(struct cluster *cluster, const struct tree *tree, struct arena *arena,
			 struct error *err)
{
	char *folder = arena_printf(arena, "%s/pg.new", tree->root);
	char *initdb = arena_printf(arena, "%s/initdb", cluster->programs);
	char *postgres = arena_printf(arena, "%s/postgres", cluster->programs);
	char data[] = "-D", user[] = "--username=postgres", encoding[] = "--encoding=UTF8",
	     locale[] = "--locale=C.UTF-8", checksums[] = "--data-checksums",
	     local[] = "--auth-local=trust", host[] = "--auth-host=reject", single[] = "--single",
	     database[] = "postgres";
	char *initdb_argv[] = {initdb, data,	  folder, user, encoding,
			       locale, checksums, local,  host, NULL};
	char *single_argv[] = {postgres, single, data, folder, database, NULL};

	if (!file_remove_tree(folder, err) ||
	    !account_make_folder(&cluster->account, folder, 0700, err) ||
	    !run_tool(cluster, initdb_argv, NULL, err) ||
	    !append_settings(cluster, folder, arena, err) ||
	    !run_tool(cluster, single_argv, ROLE_AND_DATABASE, err))
		return error_prefix(err, "cannot make the database cluster");
	if (rename(folder, cluster->data) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot rename %s", folder);
	cluster->made = true;
	return file_sync_parent(cluster->data, err);
}

bool cluster_prepare(const struct tree *tree, struct arena *arena, struct cluster *cluster,
		     struct error *err)
{
	*cluster = (struct cluster){
		.told_to_stop = cluster->told_to_stop,
		.arg = cluster->arg,
		.data = arena_printf(arena, "%s/pg", tree->root),
		.socket_folder = choose_socket_folder(tree, arena),
		.log_path = arena_printf(arena, "%s/postgresql.log", tree->log),
	};
	cluster->conninfo =
		arena_printf(arena, "host='%s' user=muster dbname=muster", cluster->socket_folder);
	if (strpbrk(tree->root, "'\\") != NULL)
		return error_set(err, ERR_INVALID, "data directory must not hold quotes: %.150s",
				 tree->root);
	if (!account_find("postgres", &cluster->account, err) ||
	    !account_check_reach(&cluster->account, cluster->data, err) ||
	    !find_programs(cluster, arena, err) ||
	    !account_make_folder(&cluster->account, cluster->socket_folder, 0700, err) ||
	    !check_socket_folder(cluster, err))
		return false;
	return (file_exists(cluster->data) || make_cluster(cluster, tree, arena, err)) &&
	       /* For "musterd token" and the like, which only know the data directory. */
	       file_write_atomic(arena_printf(arena, "%s/database", tree->run), cluster->conninfo,
				 strlen(cluster->conninfo), 0600, err);
}

bool cluster_start(struct cluster *cluster, struct loop *loop, struct arena *arena,
		   struct error *err)
{
	const char *const settings[] = {
		"listen_addresses=",
		"unix_socket_permissions=0700",
		"logging_collector=off",
		arena_printf(arena, "unix_socket_directories=\"%s\"", cluster->socket_folder),
	};
	char **argv = arena_array(arena, 4 + 2 * ARRAY_SIZE(settings), sizeof(*argv));
	size_t count = 0;

	argv[count++] = arena_printf(arena, "%s/postgres", cluster->programs);
	argv[count++] = arena_strdup(arena, "-D");
	argv[count++] = arena_strdup(arena, cluster->data);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		argv[count++] = arena_strdup(arena, "-c");
		argv[count++] = arena_strdup(arena, settings[i]);
	}
	if (!leftover_stop(cluster->data, arena, err))
		return false;
	cluster->keeper = (struct keeper){
		.name = "PostgreSQL",
		.argv = argv,
		.log_path = cluster->log_path,
		.account = &cluster->account,
		/* Fast shutdown: SIGTERM would wait for clients to leave. */
		.stop_signal = SIGINT,
		.stop_grace_ms = STOP_GRACE_MS,
	};
	return keeper_start(&cluster->keeper, loop, err);
}

void cluster_stop(struct cluster *cluster)
{
	keeper_stop(&cluster->keeper);
	/* Made again by the next start; one in /tmp should not stay. Not empty is as good. */
	if (cluster->socket_folder != NULL)
		rmdir(cluster->socket_folder);
}
