/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the real signer process: this program plays musterd when it is started with "signer". */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/encoding.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/x509.h"
#include "protocol/dsse.h"
#include "signer/client.h"
#include "signer/confine.h"
#include "signer/process.h"

static const char NODE[] = "nabcdefgh234567abcde";

struct fixture {
	char folder[32];
	struct arena *arena;
	struct signer *signer;
	struct error err;
};

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));

	strcpy(fixture->folder, "/tmp/sgXXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	fixture->arena = arena_new();
	char *keys = arena_printf(fixture->arena, "%s/keys", fixture->folder);
	assert_int_equal(mkdir(keys, 0700), 0);
	assert_true(signer_new("/proc/self/exe", fixture->folder, &fixture->signer, &fixture->err));
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	signer_free(fixture->signer);
	assert_true(file_remove_tree(fixture->folder, &fixture->err));
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

static struct dsse_key trusted_key(const struct signer_identity *identity)
{
	struct dsse_key key;
	size_t size;

	strcpy(key.id, identity->key_id);
	assert_true(base64_decode(identity->public_key, strlen(identity->public_key),
				  key.public_key, sizeof(key.public_key), &size));
	assert_int_equal(size, ED25519_PUBLIC_SIZE);
	return key;
}

static void sign_and_open(struct fixture *fixture, const char *text, size_t length)
{
	struct dsse_key key = trusted_key(signer_public(fixture->signer));
	char *envelope, *payload;
	json_t *json;
	size_t payload_size;

	assert_true(signer_sign(fixture->signer, DSSE_DESIRED, text, length, fixture->arena,
				&envelope, &fixture->err));
	assert_true(json_parse_limited(envelope, strlen(envelope), 8, &json, &fixture->err));
	json_keep(json, fixture->arena);
	assert_true(dsse_open(fixture->arena, json, DSSE_DESIRED, &key, 1, &payload, &payload_size,
			      NULL, &fixture->err));
	assert_int_equal(payload_size, length);
	assert_memory_equal(payload, text, length);
}

static void signs_what_an_agent_can_check(void **state)
{
	sign_and_open(*state, "{\"v\":1}", 7);
}

static void signs_payloads_larger_than_a_packet(void **state)
{
	static char text[300 * 1024];

	memset(text, 'x', sizeof(text));
	sign_and_open(*state, text, sizeof(text));
}

static void refuses_to_sign_packages(void **state)
{
	struct fixture *fixture = *state;
	char *envelope = NULL;

	assert_false(signer_sign(fixture->signer, DSSE_PACKAGE, "{}", 2, fixture->arena, &envelope,
				 &fixture->err));
	assert_int_equal(fixture->err.code, ERR_FORBIDDEN);
	assert_null(envelope);
}

static void refuses_what_does_not_fit_a_message(void **state)
{
	struct fixture *fixture = *state;
	static char text[1024 * 1024];
	char *envelope;

	memset(text, 'x', sizeof(text));
	assert_false(signer_sign(fixture->signer, DSSE_DESIRED, text, sizeof(text), fixture->arena,
				 &envelope, &fixture->err));
	assert_int_equal(fixture->err.code, ERR_TOO_LARGE);
	sign_and_open(fixture, "{}", 2);
}

static char *request_for(struct fixture *fixture, const char *name)
{
	struct tls_key *key = tls_key_generate();
	char *csr;

	assert_true(csr_create(key, name, fixture->arena, &csr, &fixture->err));
	tls_key_free(key);
	return csr;
}

static void issues_certificates_of_nodes(void **state)
{
	struct fixture *fixture = *state;
	char *csr = request_for(fixture, "muster-server"), *pem;
	struct certificate certificate;

	assert_true(signer_issue(fixture->signer, csr, NODE, 90 * 86400, fixture->arena, &pem,
				 &fixture->err));
	assert_true(
		certificate_parse(pem, strlen(pem), fixture->arena, &certificate, &fixture->err));
	assert_string_equal(certificate.common_name, NODE);
	assert_true(certificate_verify(pem, signer_public(fixture->signer)->ca_pem,
				       CERTIFICATE_CLIENT, clock_now_utc(), &fixture->err));
	assert_false(certificate_verify(pem, signer_public(fixture->signer)->ca_pem,
					CERTIFICATE_SERVER, clock_now_utc(), &fixture->err));
}

static void issues_no_node_certificate_for_other_names(void **state)
{
	struct fixture *fixture = *state;
	char *csr = request_for(fixture, NODE), *pem;

	assert_false(signer_issue(fixture->signer, csr, "muster-server", 86400, fixture->arena,
				  &pem, &fixture->err));
	assert_int_equal(fixture->err.code, ERR_INVALID);
	assert_false(signer_issue(fixture->signer, "no request", NODE, 90 * 86400, fixture->arena,
				  &pem, &fixture->err));
	assert_int_equal(fixture->err.code, ERR_INVALID);
}

static void issues_certificates_of_the_server(void **state)
{
	struct fixture *fixture = *state;
	const char *const names[] = {"plant.example", "127.0.0.1", "::1"};
	const char *const forged[] = {"a,URI:urn:muster:node:n1"};
	const char *ca = signer_public(fixture->signer)->ca_pem;
	char *csr = request_for(fixture, "x"), *pem;
	struct certificate certificate;

	assert_true(signer_issue_server(fixture->signer, csr, names, 3, 90, fixture->arena, &pem,
					&fixture->err));
	assert_true(
		certificate_verify(pem, ca, CERTIFICATE_SERVER, clock_now_utc(), &fixture->err));
	assert_true(signer_issue_server(fixture->signer, csr, NULL, 0, 90, fixture->arena, &pem,
					&fixture->err));
	assert_true(
		certificate_parse(pem, strlen(pem), fixture->arena, &certificate, &fixture->err));
	assert_string_equal(certificate.common_name, "muster-server");
	assert_false(signer_issue_server(fixture->signer, csr, forged, 1, 90, fixture->arena, &pem,
					 &fixture->err));
	assert_int_equal(fixture->err.code, ERR_INVALID);
}

/* The children of this process that still run; signer_new has started exactly one. */
static pid_t only_child(void)
{
	char path[64];
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

static void comes_back_with_the_same_keys(void **state)
{
	struct fixture *fixture = *state;

	kill(only_child(), SIGKILL);
	sign_and_open(fixture, "{}", 2);
	sign_and_open(fixture, "{}", 2);
}

static void keeps_its_keys_over_a_restart(void **state)
{
	struct fixture *fixture = *state;
	char *id = arena_strdup(fixture->arena, signer_public(fixture->signer)->key_id);

	signer_free(fixture->signer);
	fixture->signer = NULL;
	assert_true(signer_new("/proc/self/exe", fixture->folder, &fixture->signer, &fixture->err));
	assert_string_equal(signer_public(fixture->signer)->key_id, id);
}

static void makes_no_new_key_for_an_old_authority(void **state)
{
	struct fixture *fixture = *state;
	struct signer *second = NULL;

	assert_int_equal(
		unlink(arena_printf(fixture->arena, "%s/keys/signing.key", fixture->folder)), 0);
	assert_false(signer_new("/proc/self/exe", fixture->folder, &second, &fixture->err));
	assert_null(second);
	assert_non_null(strstr(fixture->err.text, "signing.key"));
}

static void refuses_keys_that_others_can_read(void **state)
{
	struct fixture *fixture = *state;
	struct signer *second;
	const char *path = arena_printf(fixture->arena, "%s/keys/ca.key", fixture->folder);

	assert_int_equal(chmod(path, 0640), 0);
	assert_false(signer_new("/proc/self/exe", fixture->folder, &second, &fixture->err));
	assert_non_null(strstr(fixture->err.text, "ca.key"));
}

/* What a sealed process is refused, one bit each, as the exit status of a child. */
static int refusals_when_sealed(void)
{
	struct error err = {0};
	int refused = 0;

	if (!confine_begin("/", &err) || !confine_seal(&err))
		return 128;
	refused |= (socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM) << 0;
	refused |= (open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EPERM) << 1;
	refused |= (execl("/bin/true", "true", NULL) < 0 && errno == EPERM) << 2;
	refused |= (fork() < 0 && errno == EPERM) << 3;
	refused |= (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0) << 4;
	return refused;
}

static void seals_itself_off(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(refusals_when_sealed());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0x1f);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(signs_what_an_agent_can_check, setup, teardown),
		cmocka_unit_test_setup_teardown(signs_payloads_larger_than_a_packet, setup,
						teardown),
		cmocka_unit_test_setup_teardown(refuses_to_sign_packages, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_does_not_fit_a_message, setup,
						teardown),
		cmocka_unit_test_setup_teardown(issues_certificates_of_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(issues_no_node_certificate_for_other_names, setup,
						teardown),
		cmocka_unit_test_setup_teardown(issues_certificates_of_the_server, setup, teardown),
		cmocka_unit_test_setup_teardown(comes_back_with_the_same_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_its_keys_over_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(makes_no_new_key_for_an_old_authority, setup,
						teardown),
		cmocka_unit_test_setup_teardown(refuses_keys_that_others_can_read, setup, teardown),
		cmocka_unit_test(seals_itself_off),
	};

	if (argc == 4 && strcmp(argv[1], "signer") == 0)
		return signer_run(argv[3]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
