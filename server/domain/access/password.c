/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/access/password.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

enum { RUNNING_MAX = 2, WAITING_MAX = 16 };

/* The memory that hashing takes is the process's, so the gate is, too. */
static pthread_mutex_t gate_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_wake = PTHREAD_COND_INITIALIZER;
static unsigned int gate_running;
static unsigned int gate_waiting;

static bool gate_enter(struct error *err)
{
	bool ok = true;

	pthread_mutex_lock(&gate_mutex);
	if (gate_waiting >= WAITING_MAX) {
		ok = error_set(err, ERR_UNAVAILABLE, "too many sign-ins at once");
	} else {
		gate_waiting++;
		while (gate_running >= RUNNING_MAX)
			pthread_cond_wait(&gate_wake, &gate_mutex);
		gate_waiting--;
		gate_running++;
	}
	pthread_mutex_unlock(&gate_mutex);
	return ok;
}

static void gate_leave(void)
{
	pthread_mutex_lock(&gate_mutex);
	gate_running--;
	pthread_cond_signal(&gate_wake);
	pthread_mutex_unlock(&gate_mutex);
}

bool password_hash(const char *password, struct arena *arena, const char **out, struct error *err)
{
	char *text = arena_alloc(arena, crypto_pwhash_STRBYTES);
	int rc;

	if (sodium_init() < 0)
		return error_set(err, ERR_INTERNAL, "could not start libsodium");
	if (!gate_enter(err))
		return false;
	rc = crypto_pwhash_str_alg(
		text, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
		crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);
	gate_leave();
	if (rc != 0)
		return error_set(err, ERR_UNAVAILABLE, "no memory to hash a password");
	*out = text;
	return true;
}

bool password_check(const char *password, const char *hash, bool *matches, struct error *err)
{
	char ignored[crypto_pwhash_STRBYTES];
	int rc;

	if (sodium_init() < 0)
		return error_set(err, ERR_INTERNAL, "could not start libsodium");
	if (!gate_enter(err))
		return false;
	if (hash != NULL)
		rc = crypto_pwhash_str_verify(hash, password, strlen(password));
	else
		rc = crypto_pwhash_str_alg(
			ignored, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
			crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);
	gate_leave();
	*matches = hash != NULL && rc == 0;
	return true;
}
