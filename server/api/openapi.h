/* SPDX-License-Identifier: Apache-2.0 */
/* schema/openapi.yaml, embedded by cmake/embed.cmake. */
#pragma once

extern const char OPENAPI_YAML[];
extern const char OPENAPI_YAML_END[];
