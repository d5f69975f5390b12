/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations as the API shows them. New references. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "domain/config/diff.h"
#include "domain/config/render.h"
#include "model/config.h"
#include "model/node.h"

json_t *config_encode(const struct config *config);

/* Files only when they were loaded; a content only when it was. */
json_t *config_version_encode(const struct config_version *version);

json_t *file_diffs_encode(const struct file_diff *diffs, size_t count);

json_t *rendered_encode(const struct node *node, const struct rendered_config *rendered);
