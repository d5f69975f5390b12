/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "mqtt/backoff.h"
#include "mqtt/queue.h"

static struct message *numbered(int number)
{
	return message_new("muster/1/00/n/up/logs", &number, sizeof(number), 64, 1);
}

static int number_of(const struct message *message)
{
	int number;

	memcpy(&number, message->payload, sizeof(number));
	return number;
}

static size_t pop(struct queue *queue, struct message **out, size_t max)
{
	size_t count;

	return queue_pop(queue, -1, out, max, &count) ? count : 0;
}

static void waits_no_longer_than_it_may(void **state)
{
	struct queue *queue = queue_new(10, 1000);
	struct message *batch[4];
	size_t count = 7;

	(void)state;
	assert_true(queue_pop(queue, 1, batch, 4, &count));
	assert_int_equal(count, 0);
	queue_close(queue);
	assert_false(queue_pop(queue, 1000, batch, 4, &count));
	queue_free(queue);
}

static void hands_out_in_order(void **state)
{
	struct queue *queue = queue_new(10, 1000);
	struct message *batch[4];

	(void)state;
	for (int i = 0; i < 6; i++)
		assert_true(queue_push(queue, numbered(i)));
	assert_int_equal(pop(queue, batch, 4), 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(number_of(batch[i]), i);
		assert_string_equal(batch[i]->topic, "muster/1/00/n/up/logs");
		message_free(batch[i]);
	}
	assert_int_equal(queue_length(queue), 2);
	assert_true(queue_push(queue, numbered(6)));
	assert_int_equal(pop(queue, batch, 4), 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(number_of(batch[i]), 4 + i);
		message_free(batch[i]);
	}
	queue_free(queue);
}

static void refuses_beyond_its_count_and_bytes(void **state)
{
	struct queue *few = queue_new(2, 1000);
	struct queue *small = queue_new(10, 10);
	struct message *extra = numbered(3);
	struct message *batch[2];

	(void)state;
	assert_true(queue_push(few, numbered(1)));
	assert_true(queue_push(few, numbered(2)));
	assert_false(queue_push(few, extra));
	assert_true(queue_push(small, numbered(1)));
	assert_true(queue_push(small, numbered(2)));
	assert_false(queue_push(small, extra));
	assert_int_equal(pop(small, batch, 1), 1);
	message_free(batch[0]);
	assert_true(queue_push(small, extra));
	queue_free(few);
	queue_free(small);
}

static void keeps_only_a_piece_of_a_large_message(void **state)
{
	static const char text[] = "0123456789";
	struct message *message = message_new("t", text, 10, 4, 7);

	(void)state;
	assert_int_equal(message->size, 10);
	assert_int_equal(message->kept, 4);
	assert_memory_equal(message->payload, "0123", 4);
	assert_int_equal(message->received_at, 7);
	message_free(message);
	message = message_new("t", NULL, 0, 4, 7);
	assert_int_equal(message->kept, 0);
	message_free(message);
}

enum { PRODUCED = 2000 };

static void *produce(void *arg)
{
	struct queue *queue = arg;

	for (int i = 0; i < PRODUCED; i++) {
		struct message *message = numbered(i);

		while (!queue_push(queue, message))
			sched_yield();
	}
	return NULL;
}

static void *consume(void *arg)
{
	struct queue *queue = arg;
	struct message *batch[16];
	intptr_t next = 0;
	size_t count;

	while (next < PRODUCED && (count = pop(queue, batch, 16)) > 0)
		for (size_t i = 0; i < count; i++) {
			if (number_of(batch[i]) == next)
				next++;
			message_free(batch[i]);
		}
	return (void *)next;
}

static void passes_everything_between_threads(void **state)
{
	struct queue *queue = queue_new(50, 100000);
	pthread_t producer, consumer;
	void *got;

	(void)state;
	assert_int_equal(pthread_create(&consumer, NULL, consume, queue), 0);
	assert_int_equal(pthread_create(&producer, NULL, produce, queue), 0);
	pthread_join(producer, NULL);
	pthread_join(consumer, &got);
	assert_int_equal((intptr_t)got, PRODUCED);
	queue_free(queue);
}

static void closing_wakes_who_waits(void **state)
{
	struct queue *queue = queue_new(50, 100000);
	pthread_t consumer;
	void *got;

	(void)state;
	assert_int_equal(pthread_create(&consumer, NULL, consume, queue), 0);
	queue_close(queue);
	pthread_join(consumer, &got);
	assert_int_equal((intptr_t)got, 0);
	struct message *late = numbered(1);
	assert_false(queue_push(queue, late));
	message_free(late);
	queue_free(queue);
}

static void pauses_grow_to_a_bound_and_differ(void **state)
{
	struct backoff backoff;
	int64_t bound = 100;

	(void)state;
	backoff_init(&backoff, 100, 1000);
	for (int i = 0; i < 8; i++) {
		int64_t pause = backoff_next(&backoff);

		assert_in_range(pause, bound / 2, bound);
		bound = bound * 2 < 1000 ? bound * 2 : 1000;
	}
	backoff_reset(&backoff);
	assert_in_range(backoff_next(&backoff), 50, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_out_in_order),
		cmocka_unit_test(waits_no_longer_than_it_may),
		cmocka_unit_test(refuses_beyond_its_count_and_bytes),
		cmocka_unit_test(keeps_only_a_piece_of_a_large_message),
		cmocka_unit_test(passes_everything_between_threads),
		cmocka_unit_test(closing_wakes_who_waits),
		cmocka_unit_test(pauses_grow_to_a_bound_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
