/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"

struct queue {
	pthread_mutex_t mutex;
	pthread_cond_t filled;
	struct message *head;
	struct message **tail;
	size_t count, bytes;
	size_t max_count, max_bytes;
	bool closed;
};

struct message *message_new(const char *topic, const void *payload, size_t size, size_t keep_max,
			    usec_t received_at)
{
	size_t topic_size = strlen(topic) + 1;
	size_t kept = size < keep_max ? size : keep_max;
	struct message *message = xcalloc(1, sizeof(*message) + topic_size + kept + 1);

	memcpy(message->bytes, topic, topic_size);
	if (kept > 0)
		memcpy(message->bytes + topic_size, payload, kept);
	message->topic = (const char *)message->bytes;
	message->payload = message->bytes + topic_size;
	message->size = size;
	message->kept = kept;
	message->received_at = received_at;
	return message;
}

void message_free(struct message *message)
{
	free(message);
}

struct queue *queue_new(size_t max_count, size_t max_bytes)
{
	struct queue *queue = xcalloc(1, sizeof(*queue));
	pthread_condattr_t attributes;

	pthread_mutex_init(&queue->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&queue->filled, &attributes);
	pthread_condattr_destroy(&attributes);
	queue->tail = &queue->head;
	queue->max_count = max_count;
	queue->max_bytes = max_bytes;
	return queue;
}

static void drop_all(struct queue *queue)
{
	while (queue->head != NULL) {
		struct message *message = queue->head;

		queue->head = message->next;
		message_free(message);
	}
	queue->tail = &queue->head;
	queue->count = queue->bytes = 0;
}

void queue_free(struct queue *queue)
{
	if (queue == NULL)
		return;
	drop_all(queue);
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->mutex);
	free(queue);
}

bool queue_push(struct queue *queue, struct message *message)
{
	pthread_mutex_lock(&queue->mutex);
	bool fits = !queue->closed && queue->count < queue->max_count &&
		    message->kept <= queue->max_bytes - queue->bytes;
	if (fits) {
		message->next = NULL;
		*queue->tail = message;
		queue->tail = &message->next;
		queue->count++;
		queue->bytes += message->kept;
		pthread_cond_signal(&queue->filled);
	}
	pthread_mutex_unlock(&queue->mutex);
	return fits;
}

/* With the lock: until there is a message, or no longer. */
static void wait_filled(struct queue *queue, int wait_ms)
{
	const usec_t until = clock_monotonic() + wait_ms * USEC_PER_MSEC;
	const struct timespec deadline = {
		.tv_sec = until / USEC_PER_SEC,
		.tv_nsec = (until % USEC_PER_SEC) * 1000,
	};

	while (queue->head == NULL && !queue->closed)
		if (wait_ms < 0)
			pthread_cond_wait(&queue->filled, &queue->mutex);
		else if (pthread_cond_timedwait(&queue->filled, &queue->mutex, &deadline) != 0)
			return;
}

bool queue_pop(struct queue *queue, int wait_ms, struct message **out, size_t max,
	       size_t *out_count)
{
	size_t count = 0;

	pthread_mutex_lock(&queue->mutex);
	wait_filled(queue, wait_ms);
	bool open = !queue->closed;
	while (queue->head != NULL && count < max) {
		struct message *message = queue->head;

		queue->head = message->next;
		queue->count--;
		queue->bytes -= message->kept;
		message->next = NULL;
		out[count++] = message;
	}
	if (queue->head == NULL)
		queue->tail = &queue->head;
	pthread_mutex_unlock(&queue->mutex);
	*out_count = count;
	return open;
}

void queue_close(struct queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	queue->closed = true;
	drop_all(queue);
	pthread_cond_broadcast(&queue->filled);
	pthread_mutex_unlock(&queue->mutex);
}

size_t queue_length(struct queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	size_t count = queue->count;
	pthread_mutex_unlock(&queue->mutex);
	return count;
}
