/* SPDX-License-Identifier: Apache-2.0 */
#include "base/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { CONFIG_FILE_MAX = 1024 * 1024, OPTION_COLUMN = 34 };

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit DURATION_UNITS[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"", 1}, {NULL, 0},
};

static const struct unit SIZE_UNITS[] = {
	{"B", 1},
	{"KiB", INT64_C(1) << 10},
	{"MiB", INT64_C(1) << 20},
	{"GiB", INT64_C(1) << 30},
	{"TiB", INT64_C(1) << 40},
	{"", 1},
	{NULL, 0},
};

static bool parse_with_unit(const char *text, const struct unit *units, int64_t *out)
{
	int64_t number = 0, result;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, *text - '0', &number))
			return false;
	}
	for (; units->name; units++) {
		if (strcmp(units->name, text) == 0)
			break;
	}
	if (!units->name || __builtin_mul_overflow(number, units->factor, &result))
		return false;
	*out = result;
	return true;
}

bool duration_parse(const char *text, int64_t *milliseconds)
{
	return parse_with_unit(text, DURATION_UNITS, milliseconds);
}

bool size_parse(const char *text, int64_t *bytes)
{
	return parse_with_unit(text, SIZE_UNITS, bytes);
}

static bool parse_int(const char *text, int64_t *out)
{
	char *end;

	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (errno || end == text || *end)
		return false;
	*out = number;
	return true;
}

static bool parse_bool(const char *text, bool *out)
{
	static const char *const TRUE_NAMES[] = {"true", "yes", "on", "1"};
	static const char *const FALSE_NAMES[] = {"false", "no", "off", "0"};

	for (size_t i = 0; i < ARRAY_SIZE(TRUE_NAMES); i++) {
		if (strcmp(text, TRUE_NAMES[i]) == 0 || strcmp(text, FALSE_NAMES[i]) == 0) {
			*out = strcmp(text, TRUE_NAMES[i]) == 0;
			return true;
		}
	}
	return false;
}

static bool set_number(const struct setting *setting, const char *text, void *target,
		       struct error *err)
{
	bool limited = setting->minimum || setting->maximum;
	const char *wanted = "an integer";
	int64_t number;
	bool good;

	switch (setting->type) {
	case SETTING_TYPE_DURATION:
		wanted = "a duration such as 30s, 5m or 500ms";
		good = duration_parse(text, &number);
		break;
	case SETTING_TYPE_SIZE:
		wanted = "a size such as 64KiB or 10MiB";
		good = size_parse(text, &number);
		break;
	default:
		good = parse_int(text, &number);
		break;
	}
	if (!good)
		return error_set(err, ERR_INVALID, "%s must be %s, is \"%.60s\"", setting->name,
				 wanted, text);
	if (limited && (number < setting->minimum || number > setting->maximum))
		return error_set(err, ERR_INVALID,
				 "%s must be between %" PRId64 " and %" PRId64 ", is %" PRId64,
				 setting->name, setting->minimum, setting->maximum, number);
	memcpy(target, &number, sizeof(number));
	return true;
}

/* A path in a file is relative to that file's folder. */
static const char *resolve_path(const char *text, const char *file, struct arena *arena)
{
	const char *slash = file ? strrchr(file, '/') : NULL;

	if (!slash || text[0] == '/' || text[0] == '\0')
		return arena_strdup(arena, text);
	return arena_printf(arena, "%.*s%s", (int)(slash - file + 1), file, text);
}

static bool set_value(const struct setting *setting, const char *text, const char *file,
		      struct arena *arena, void *config, struct error *err)
{
	void *target = (char *)config + setting->offset;
	bool truth;

	switch (setting->type) {
	case SETTING_TYPE_STRING:
		*(const char **)target = arena_strdup(arena, text);
		return true;
	case SETTING_TYPE_PATH:
		*(const char **)target = resolve_path(text, file, arena);
		return true;
	case SETTING_TYPE_BOOL:
		if (!parse_bool(text, &truth))
			return error_set(err, ERR_INVALID, "%s must be true or false, is \"%.60s\"",
					 setting->name, text);
		memcpy(target, &truth, sizeof(truth));
		return true;
	case SETTING_TYPE_INT:
	case SETTING_TYPE_DURATION:
	case SETTING_TYPE_SIZE:
		return set_number(setting, text, target, err);
	case SETTING_TYPE_END:
		break;
	}
	return error_set(err, ERR_INTERNAL, "setting %s has no type", setting->name);
}

/* Equal, where '-' and '_' are the same. */
static bool same_name(const char *setting, const char *given, size_t length)
{
	if (strlen(setting) != length)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (setting[i] != (given[i] == '-' ? '_' : given[i]))
			return false;
	}
	return true;
}

static const struct setting *find_setting(const struct setting *table, const char *name,
					  size_t length)
{
	for (const struct setting *setting = table; setting->name; setting++) {
		if (same_name(setting->name, name, length))
			return setting;
	}
	return NULL;
}

bool settings_defaults(const struct setting *table, struct arena *arena, void *config,
		       struct error *err)
{
	for (const struct setting *setting = table; setting->name; setting++) {
		if (setting->preset &&
		    !set_value(setting, setting->preset, NULL, arena, config, err))
			return error_prefix(err, "default");
	}
	return true;
}

static char *trim(char *text)
{
	text += strspn(text, " \t\r");
	size_t length = strlen(text);
	while (length && strchr(" \t\r", text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

static bool read_line(const struct setting *table, char *line, const char *path,
		      struct arena *arena, void *config, struct error *err)
{
	line = trim(line);
	if (line[0] == '\0' || line[0] == '#')
		return true;
	char *equals = strchr(line, '=');
	if (!equals)
		return error_set(err, ERR_INVALID, "expected name = value");
	*equals = '\0';
	char *name = trim(line);
	char *value = trim(equals + 1);
	size_t length = strlen(value);
	/* Quotes keep leading and trailing spaces. */
	if (length >= 2 && value[0] == '"' && value[length - 1] == '"') {
		value[length - 1] = '\0';
		value++;
	}
	const struct setting *setting = find_setting(table, name, strlen(name));
	if (!setting)
		return error_set(err, ERR_INVALID, "there is no setting \"%.60s\"", name);
	return set_value(setting, value, path, arena, config, err);
}

bool settings_file(const struct setting *table, const char *path, struct arena *arena, void *config,
		   struct error *err)
{
	char *text;
	size_t size;
	int number = 0;

	if (!file_read(path, CONFIG_FILE_MAX, arena, &text, &size, err))
		return false;
	if (strlen(text) != size)
		return error_set(err, ERR_INVALID, "%s holds a zero byte", path);
	for (char *line = text; line; number++) {
		char *next = strchr(line, '\n');

		if (next)
			*next++ = '\0';
		if (!read_line(table, line, path, arena, config, err))
			return error_prefix(err, "%s:%d", path, number + 1);
		line = next;
	}
	return true;
}

/* PREFIX_NAME in capitals. */
static char *variable_name(const char *prefix, const char *name, struct arena *arena)
{
	char *variable = arena_printf(arena, "%s_%s", prefix, name);

	for (char *c = variable; *c; c++) {
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	}
	return variable;
}

bool settings_environment(const struct setting *table, const char *prefix, struct arena *arena,
			  void *config, struct error *err)
{
	for (const struct setting *setting = table; setting->name; setting++) {
		const char *variable = variable_name(prefix, setting->name, arena);
		const char *value = getenv(variable);

		if (value && !set_value(setting, value, NULL, arena, config, err))
			return error_prefix(err, "environment variable %s", variable);
	}
	return true;
}

/* Reads one option; *index moves past it. */
static bool read_option(const struct setting *table, int argc, char **argv, int *index,
			struct arena *arena, void *config, struct error *err)
{
	const char *name = argv[*index] + 2;
	size_t length = strcspn(name, "=");
	const struct setting *setting = find_setting(table, name, length);
	const char *value;

	/* settings_load has looked for it before the others, so here it is only skipped. */
	if (!setting && length == strlen("config") && strncmp(name, "config", length) == 0) {
		*index += name[length] == '=' || *index + 1 >= argc ? 1 : 2;
		return true;
	}
	if (!setting)
		return error_set(err, ERR_INVALID, "there is no option --%.*s", (int)length, name);
	if (setting->secret)
		return error_set(err, ERR_INVALID,
				 "--%.*s is a secret: other users see the command line, "
				 "use the configuration file or the environment",
				 (int)length, name);
	if (name[length] == '=') {
		value = name + length + 1;
	} else if (setting->type == SETTING_TYPE_BOOL) {
		value = "true";
	} else {
		if (*index + 1 >= argc)
			return error_set(err, ERR_INVALID, "--%s needs a value", name);
		value = argv[++*index];
	}
	if (!set_value(setting, value, NULL, arena, config, err))
		return error_prefix(err, "option --%.*s", (int)length, name);
	++*index;
	return true;
}

bool settings_arguments(const struct setting *table, int argc, char **argv, int *index,
			struct arena *arena, void *config, struct error *err)
{
	while (*index < argc && strncmp(argv[*index], "--", 2) == 0) {
		if (argv[*index][2] == '\0') {
			++*index;
			return true;
		}
		if (!read_option(table, argc, argv, index, arena, config, err))
			return false;
	}
	return true;
}

/* The file named by "--config FILE" or "--config=FILE" before "--", or NULL. */
static const char *config_argument(int argc, char **argv, int first)
{
	for (int i = first; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (argv[i][2] == '\0')
			break;
		if (strncmp(argv[i], "--config=", 9) == 0)
			return argv[i] + 9;
		if (strcmp(argv[i], "--config") == 0)
			return i + 1 < argc ? argv[i + 1] : "";
		/* The value of the option before may follow as its own word. */
		if (!strchr(argv[i], '=') && i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0)
			i++;
	}
	return NULL;
}

bool settings_load(const struct setting *table, const char *prefix, const char *config_file,
		   int argc, char **argv, int *index, struct arena *arena, void *config,
		   struct error *err)
{
	const char *named = config_argument(argc, argv, *index);

	if (!named)
		named = getenv(variable_name(prefix, "config", arena));
	if (!settings_defaults(table, arena, config, err))
		return false;
	if (named || (config_file && file_exists(config_file))) {
		if (!settings_file(table, named ? named : config_file, arena, config, err))
			return false;
	}
	return settings_environment(table, prefix, arena, config, err) &&
	       settings_arguments(table, argc, argv, index, arena, config, err);
}

void settings_help(const struct setting *table, struct strbuf *out)
{
	for (const struct setting *setting = table; setting->name; setting++) {
		char option[64];
		size_t length = 0;

		if (setting->secret)
			continue;
		for (; setting->name[length] && length < sizeof(option) - 1; length++)
			option[length] = setting->name[length] == '_' ? '-' : setting->name[length];
		option[length] = '\0';
		strbuf_printf(out, "  --%-*s %s", OPTION_COLUMN - 5, option, setting->help);
		if (setting->preset && setting->preset[0])
			strbuf_printf(out, " (default: %s)", setting->preset);
		strbuf_append_char(out, '\n');
	}
}

void settings_sample(const struct setting *table, struct strbuf *out)
{
	for (const struct setting *setting = table; setting->name; setting++)
		strbuf_printf(out, "%s# %s\n#%s = %s\n", setting == table ? "" : "\n",
			      setting->help, setting->name, setting->preset ? setting->preset : "");
}
