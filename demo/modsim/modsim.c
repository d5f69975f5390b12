/* SPDX-License-Identifier: Apache-2.0 */

/*
 * muster-modsim: a Modbus/TCP device for the demo plant. It answers reads of the holding registers of one
 * make-believe machine (machine.h) for any number of clients, and ends cleanly on SIGTERM or SIGINT.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <modbus.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"

enum {
	MAX_CLIENTS = 128,
	BACKLOG = 16,
	/* A client that stops in the middle of a request holds up the others for no longer. */
	REQUEST_TIMEOUT_MS = 200,
};

/* Entries of poll: the signals, the listening socket, then the clients. */
enum { POLL_SIGNALS, POLL_LISTEN, POLL_CLIENTS };

struct simulator {
	modbus_t *modbus;
	modbus_mapping_t *mapping;
	uint32_t seed;
	int64_t start_ms;
	struct pollfd polls[POLL_CLIENTS + MAX_CLIENTS];
	nfds_t poll_count;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void usage(FILE *out)
{
	fputs("usage: muster-modsim [--port N] [--seed S]\n"
	      "\n"
	      "A Modbus/TCP device on 127.0.0.1 whose holding registers move like a machine's:\n"
	      "  0 temperature 0.1 C   1 pressure 0.1 kPa   2 speed 1/min   3 vibration 0.01 mm/s\n"
	      "  4,5 pieces made (32 bits, high word first)   6 state (0 idle, 1 running)   7 uptime s\n"
	      "\n"
	      "  --port N   TCP port, 0 = choose a free one (default); it is printed\n"
	      "  --seed S   which machine: another seed, other readings (default 1)\n",
	      out);
}

static int parse_number(const char *option, const char *text, unsigned long max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value > max) {
		fprintf(stderr, "muster-modsim: %s must be a number from 0 to %lu, not \"%s\"\n",
			option, max, text);
		exit(2);
	}
	return (int)value;
}

static int listen_on(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	socklen_t length = sizeof(address);
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
		fprintf(stderr, "muster-modsim: could not listen on 127.0.0.1:%d: %s\n", port,
			strerror(errno));
		exit(1);
	}
	printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void client_accept(struct simulator *sim)
{
	int fd = accept4(sim->polls[POLL_LISTEN].fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (sim->poll_count == POLL_CLIENTS + MAX_CLIENTS) {
		close(fd);
		return;
	}
	sim->polls[sim->poll_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* Answers one request; false when the client is gone or not understood. */
static bool client_serve(struct simulator *sim, int fd)
{
	uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
	int length;

	modbus_set_socket(sim->modbus, fd);
	length = modbus_receive(sim->modbus, query);
	if (length < 0)
		return false;
	/* Zero: a request for another unit, which stays silent. */
	if (length == 0)
		return true;
	machine_read(sim->seed, now_ms() - sim->start_ms, sim->mapping->tab_registers);
	return modbus_reply(sim->modbus, query, length, sim->mapping) >= 0;
}

static void serve(struct simulator *sim)
{
	while ((sim->polls[POLL_SIGNALS].revents & POLLIN) == 0) {
		if (poll(sim->polls, sim->poll_count, -1) < 0)
			continue;
		for (nfds_t i = sim->poll_count; i > POLL_CLIENTS; i--) {
			struct pollfd *client = &sim->polls[i - 1];

			if (client->revents == 0 || client_serve(sim, client->fd))
				continue;
			close(client->fd);
			*client = sim->polls[--sim->poll_count];
		}
		if ((sim->polls[POLL_LISTEN].revents & POLLIN) != 0)
			client_accept(sim);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'},
		{"seed", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	static struct simulator sim;
	int port = 0;
	int option;

	sim.seed = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			port = parse_number("--port", optarg, 65535);
			break;
		case 's':
			sim.seed = (uint32_t)parse_number("--seed", optarg, 2147483647);
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	sim.start_ms = now_ms();
	sim.modbus = modbus_new_tcp("127.0.0.1", port);
	sim.mapping = modbus_mapping_new(0, 0, MACHINE_REGISTER_COUNT, 0);
	if (sim.modbus == NULL || sim.mapping == NULL) {
		fprintf(stderr, "muster-modsim: %s\n", modbus_strerror(errno));
		return 1;
	}
	modbus_set_indication_timeout(sim.modbus, 0, REQUEST_TIMEOUT_MS * 1000);
	modbus_set_byte_timeout(sim.modbus, 0, REQUEST_TIMEOUT_MS * 1000);
	sim.polls[POLL_SIGNALS] = (struct pollfd){.fd = signals_open(), .events = POLLIN};
	sim.polls[POLL_LISTEN] = (struct pollfd){.fd = listen_on(port), .events = POLLIN};
	sim.poll_count = POLL_CLIENTS;
	serve(&sim);
	for (nfds_t i = 0; i < sim.poll_count; i++)
		close(sim.polls[i].fd);
	modbus_mapping_free(sim.mapping);
	modbus_free(sim.modbus);
	return 0;
}
