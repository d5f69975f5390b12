/* SPDX-License-Identifier: Apache-2.0 */
#include "signer/packet.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fields.h"
#include "base/strbuf.h"

enum { FRAGMENT_BYTES = 48 * 1024, PACKET_DEPTH = 8 };

static const char FRAGMENT_LAST = 'l';
static const char FRAGMENT_MORE = 'm';

bool packet_send(int fd, const json_t *message, struct arena *arena, struct error *err)
{
	const char *text = json_text(message, arena);
	size_t left = strlen(text);

	if (left > SIGNER_MESSAGE_MAX)
		return error_set(err, ERR_TOO_LARGE, "message of %zu bytes to the signer", left);
	do {
		size_t size = left < FRAGMENT_BYTES ? left : FRAGMENT_BYTES;
		char mark = size < left ? FRAGMENT_MORE : FRAGMENT_LAST;
		char *fragment = arena_alloc(arena, size + 1);

		fragment[0] = mark;
		memcpy(fragment + 1, text, size);
		ssize_t sent;
		do
			sent = send(fd, fragment, size + 1, MSG_NOSIGNAL);
		while (sent < 0 && errno == EINTR);
		if (sent < 0)
			return error_set_errno(err, ERR_UNAVAILABLE, errno,
					       "could not write to the signer's socket");
		text += size;
		left -= size;
	} while (left > 0);
	return true;
}

static bool wait_readable(int fd, int timeout_ms, struct error *err)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	int ready;

	do
		ready = poll(&poller, 1, timeout_ms);
	while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not wait for the signer");
	if (ready == 0)
		return error_set(err, ERR_TIMEOUT, "no message within %d ms", timeout_ms);
	return true;
}

bool packet_receive(int fd, int timeout_ms, struct arena *arena, json_t **message,
		    struct error *err)
{
	struct strbuf text;
	char *fragment = arena_alloc(arena, FRAGMENT_BYTES + 1);
	ssize_t got;

	strbuf_init(&text, arena, SIGNER_MESSAGE_MAX);
	do {
		if (!wait_readable(fd, timeout_ms, err))
			return false;
		do
			got = recv(fd, fragment, FRAGMENT_BYTES + 1, 0);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			return error_set_errno(err, ERR_UNAVAILABLE, errno,
					       "could not read from the signer's socket");
		if (got == 0)
			return error_set(err, ERR_UNAVAILABLE, "the signer's socket is closed");
		strbuf_append(&text, fragment + 1, (size_t)got - 1);
	} while (fragment[0] == FRAGMENT_MORE);
	if (text.overflow)
		return error_set(err, ERR_TOO_LARGE, "message on the signer's socket is too long");

	json_t *parsed;
	if (!json_parse_limited(text.data, text.length, PACKET_DEPTH, &parsed, err))
		return false;
	*message = json_keep(parsed, arena);
	return true;
}
